#include "complete.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"

#include "compat/compat_scripts.hpp"
#include "core/parse.hpp"
#include "help.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace oa_stream::cli {
namespace {

const OptionSpec* find_option(const CommandSpec* command, std::string_view word) {
    const std::string_view name = word.substr(0, word.find('='));
    const auto called = [&](const OptionSpec& option) { return option.is_called(name); };
    if (command != nullptr) {
        if (const OptionSpec* found = find_if_or_null(command->options, called)) {
            return found;
        }
    }
    return find_if_or_null(global_options(), called);
}

/// The typed words, parsed: the command as far as it is known, and what the cursor is in.
struct Place {
    const CommandSpec* command = nullptr;
    std::vector<std::string_view> path{}; ///< words of the command so far
    std::set<std::string_view> given{}; ///< options given, by their long names
    std::vector<std::string_view> words{}; ///< complete words after the command
    const OptionSpec* awaits_value = nullptr; ///< the word at the cursor is this option's value
};

bool begins(const CommandSpec& command, std::span<const std::string_view> path) {
    const auto words = pieces_of(command.path, ' ');
    return words.size() >= path.size() && std::equal(path.begin(), path.end(), words.begin());
}

const CommandSpec* exactly(std::span<const std::string_view> path) {
    return find_if_or_null(all_commands(), [&](const CommandSpec& command) {
        return pieces_of(command.path, ' ').size() == path.size() && begins(command, path);
    });
}

void take_word(Place& place, std::string_view word) {
    if (word.starts_with('-') && word.size() > 1) {
        const OptionSpec* option = find_option(place.command, word);
        if (option == nullptr) {
            return;
        }
        place.given.insert(option->long_name());
        if (!option->is_flag() && !word.contains('=')) {
            place.awaits_value = option;
        }
        return;
    }
    auto longer = place.path;
    longer.push_back(word);
    const bool goes_on =
        place.words.empty() && std::ranges::any_of(all_commands(), [&](const CommandSpec& one) {
            return begins(one, longer);
        });
    if (goes_on) {
        place.path = std::move(longer);
        place.command = exactly(place.path);
    } else {
        place.words.push_back(word);
    }
}

Place place_of(std::span<const std::string> words) {
    Place place;
    for (const std::string& word : words) {
        if (place.awaits_value != nullptr) {
            place.awaits_value = nullptr;
            continue;
        }
        take_word(place, word);
    }
    return place;
}

class Collector {
public:
    /// `kept`: the part before the value in the same word (--pace=). `listed`: the earlier elements
    /// of a list.
    Collector(
        std::string_view typed, std::string_view kept, std::vector<std::string_view> listed = {}
    )
        : typed_(typed), kept_(kept), listed_(std::move(listed)) {}

    void add(std::string_view word, std::string_view help = {}) {
        if (word.starts_with(typed_) && !contains(listed_, word)) {
            out_.candidates.push_back({std::string(kept_) + std::string(word), std::string(help)});
        }
    }
    void add(const std::vector<Candidate>& all) {
        for (const Candidate& one : all) {
            add(one.word, one.help);
        }
    }
    /// Adds a word that continues `begin`, once `begin` was typed.
    void add_behind(std::string_view begin, std::string_view rest) {
        if (typed_.starts_with(begin)) {
            add(fmt::format("{}{}", begin, rest));
        }
    }
    void files(Completion::Files files) { out_.files = files; }
    Completion take() { return std::move(out_); }

private:
    std::string_view typed_;
    std::string_view kept_;
    std::vector<std::string_view> listed_;
    Completion out_;
};

void add_scripts(Collector& out) {
    for (const RetiredScript& script : retired_scripts()) {
        out.add(script.name, script.now);
    }
}

/// The words that can follow `path`. A family's help text is the list of its commands.
void add_next_words(Collector& out, std::span<const std::string_view> path) {
    std::map<std::string_view, std::string> families;
    std::vector<std::string_view> order;
    for (const CommandSpec& command : all_commands()) {
        const auto words = pieces_of(command.path, ' ');
        if (words.size() <= path.size() || !begins(command, path)) {
            continue;
        }
        const std::string_view next = words[path.size()];
        const auto [found, fresh] = families.try_emplace(next);
        if (fresh) {
            order.push_back(next);
        }
        const bool last = words.size() == path.size() + 1;
        const std::string_view more = last ? command.summary : words.back();
        found->second += fmt::format("{}{}", fresh ? "" : ", ", more);
    }
    for (const std::string_view next : order) {
        out.add(next, families.at(next));
    }
}

void add_pages(Collector& out) {
    for (const CommandSpec& command : all_commands()) {
        out.add(page_word(command.path), command.summary);
    }
}

/// Words that select a run: the newest, or the newest of a kind.
void add_run_words(Collector& out) {
    out.add("last");
    for (const std::string_view kind : run::run_kind_words()) {
        out.add_behind("last:", kind);
    }
}

/// The values that the row allows.
void add_values(Collector& out, const ValueRule& rule, const Place& place, const KnownHere& here) {
    for (const std::string_view word : rule.shown()) {
        out.add(word);
    }
    if (rule.suggested != nullptr) {
        for (const std::string_view word : rule.suggested()) {
            out.add(word);
        }
    }
    switch (rule.offer) {
    case Offer::nothing:
        break;
    case Offer::files:
        out.files(Completion::Files::files);
        break;
    case Offer::folders:
        out.files(Completion::Files::folders);
        break;
    case Offer::runs:
        add_run_words(out);
        out.add(here.runs());
        break;
    case Offer::traffic_runs:
        for (const KnownRun& one : here.traffic_runs()) {
            if (rule.offers(one.kind)) {
                out.add(one.name, one.state);
            }
        }
        break;
    case Offer::playbooks:
        for (const KnownPlaybook& one : here.playbooks()) {
            if (rule.offers(one.kind)) {
                out.add(one.name, "shipped");
            }
        }
        out.files(Completion::Files::files);
        break;
    case Offer::variables:
        if (!place.words.empty()) {
            out.add(here.variables(place.words.front()));
        }
        break;
    case Offer::commands:
        add_next_words(out, place.words);
        break;
    case Offer::pages:
        if (place.words.empty()) {
            add_pages(out);
        } else {
            add_next_words(out, place.words); // a page's name, one word at a time
        }
        break;
    case Offer::scripts:
        add_scripts(out);
        break;
    }
}

/// Also for rows without an offer, by the name of their value.
void add_values(
    Collector& out,
    const ValueRule& rule,
    std::string_view value,
    const Place& place,
    const KnownHere& here
) {
    constexpr std::array k_paths{"FILE", "F", "PATH", "PLAN"};
    ValueRule filled = rule;
    if (rule.offer == Offer::nothing && contains(k_paths, value)) {
        filled.offer = Offer::files;
    } else if (rule.offer == Offer::nothing && value == "SCRIPT") {
        filled.offer = Offer::scripts;
    }
    add_values(out, filled, place, here);
}

/// For a value that begins at `begin` in the word; in a list ("WORD,…") the last element is
/// completed.
Collector values_of(const OptionSpec& option, std::string_view typed, std::size_t begin) {
    const std::size_t comma = typed.rfind(',');
    if (!option.value.ends_with(",…") || comma == std::string_view::npos || comma < begin) {
        return {typed.substr(begin), typed.substr(0, begin)};
    }
    auto listed = pieces_of(typed.substr(begin, comma - begin), ',');
    return {typed.substr(comma + 1), typed.substr(0, comma + 1), std::move(listed)};
}

void add_options(Collector& out, const Place& place) {
    const auto add_all = [&](std::span<const OptionSpec> options) {
        for (const OptionSpec& option : options) {
            const std::string_view name = option.long_name();
            if (!option.old && (option.repeats || !place.given.contains(name))) {
                out.add(name, option.help);
            }
        }
    };
    if (place.command != nullptr) {
        add_all(place.command->options);
    }
    add_all(global_options());
    out.add(names::help, "Options and examples.");
}

} // namespace

Completion complete(std::span<const std::string> words, const KnownHere& here) {
    if (words.empty()) {
        return {};
    }
    const std::string_view typed = words.back();
    const Place place = place_of(words.first(words.size() - 1));
    if (place.awaits_value != nullptr) {
        const OptionSpec& option = *place.awaits_value;
        Collector out = values_of(option, typed, 0);
        add_values(out, option.rule, option.value, place, here);
        return out.take();
    }
    if (const std::size_t equals = typed.find('=');
        typed.starts_with(names::mark) && equals != std::string_view::npos) {
        const OptionSpec* option = find_option(place.command, typed);
        if (option == nullptr) {
            return {};
        }
        Collector out = values_of(*option, typed, equals + 1);
        add_values(out, option->rule, option->value, place, here);
        return out.take();
    }
    Collector out(typed, {});
    if (typed.starts_with('-')) {
        add_options(out, place);
        return out.take();
    }
    if (place.words.empty()) {
        add_next_words(out, place.path);
    }
    if (place.command != nullptr && !place.command->positionals.empty()) {
        const std::size_t last = place.command->positionals.size() - 1;
        const PositionalSpec& at = place.command->positionals[std::min(place.words.size(), last)];
        add_values(out, at.rule, at.name, place, here);
    }
    return out.take();
}

std::string to_lines(const Completion& completion) {
    std::string out;
    for (const Candidate& one : completion.candidates) {
        out += one.help.empty() ? fmt::format("{}\n", one.word)
                                : fmt::format("{}\t{}\n", one.word, one.help);
    }
    switch (completion.files) {
    case Completion::Files::none:
        break;
    case Completion::Files::files:
        out += ":files\n";
        break;
    case Completion::Files::folders:
        out += ":folders\n";
        break;
    }
    return out;
}

} // namespace oa_stream::cli
