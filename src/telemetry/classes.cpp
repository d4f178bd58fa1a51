#include "oa_stream/telemetry/classes.hpp"

#include "oa_stream/base/lists.hpp"

namespace oa_stream::telemetry {

ClassSet class_set(std::span<const std::string> words) noexcept {
    ClassSet out = 0;
    for (std::size_t i = 0; i < k_class_words.size(); ++i) {
        const bool wanted = contains(words, k_class_words[i]);
        out = static_cast<ClassSet>(out | (wanted ? 1U << i : 0U));
    }
    return out;
}

ClassSet classes_of(int status, std::optional<TerminalClass> terminal) noexcept {
    unsigned out = 0;
    for (std::size_t i = 0; i < k_class_words.size(); ++i) {
        const bool is = k_class_words[i] == k_unauthorised
                            ? refuses_credential(status)
                            : terminal && k_class_words[i] == to_string(*terminal);
        out |= is ? 1U << i : 0U;
    }
    return static_cast<ClassSet>(out);
}

std::vector<Term>
class_terms(std::span<const std::string> words, std::span<const std::string> routes) {
    std::vector<Term> out;
    LabelIs ended{"class", {}};
    for (const std::string& word : words) {
        if (word != k_unauthorised) {
            ended.values.push_back(word);
            continue;
        }
        LabelIs status{"status", {}};
        for (const int one : k_refused_statuses) {
            status.values.push_back(std::to_string(one));
        }
        Term refused = requests_term(routes);
        refused.word = k_unauthorised;
        refused.labels.push_back(std::move(status));
        out.push_back(std::move(refused));
    }
    if (!ended.values.empty()) {
        const Metric& row = metric("terminal_total");
        Term turns{&row, no_probes(row), "turns of the class"};
        turns.labels.insert(turns.labels.begin(), {std::move(ended), route_is(routes)});
        out.push_back(std::move(turns));
    }
    return out;
}

} // namespace oa_stream::telemetry
