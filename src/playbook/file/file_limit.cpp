// The limit of a gate: its forms, and which form suits the metric.
#include "oa_stream/base/text.hpp"

#include "file_keys.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

std::optional<Bound> bound_of(std::string_view text) {
    constexpr std::array k_units{
        BoundUnit::share, BoundUnit::relative, BoundUnit::points, BoundUnit::seconds
    };
    if (const auto limit = read_limit(text)) {
        return Bound{limit->value, k_units[static_cast<std::size_t>(limit->unit)]};
    }
    if (const auto rate = read_rate(text)) {
        return Bound{*rate, BoundUnit::per_second};
    }
    if (text.starts_with('-')) {
        const auto fall = read_percent(text.substr(1));
        return fall ? std::optional(Bound{-*fall, BoundUnit::relative}) : std::nullopt;
    }
    return decimal_of(text).transform([](double number) { return Bound{number, BoundUnit::count}; }
    );
}

/// The form of limit that suits a metric.
struct Form {
    BoundUnit unit;
    std::string_view judged;
    std::string_view expected;
};
Form form_of(const measure::GateSpec& gate) {
    using measure::Metric;
    const bool versus = gate.against != measure::Against::limit;
    switch (gate.metric) {
    case Metric::spike:
        return {BoundUnit::relative, "a spike", "a rise like +100%"};
    case Metric::bad_rate:
        return versus
                   ? Form{BoundUnit::points, "an error rate versus stable", "percentage points like +1pp"}
                   : Form{BoundUnit::share, "an error rate", "a share like 1%"};
    case Metric::expression:
        break;
    case Metric::quantile:
        if (measure::is_token_rate(gate)) {
            return versus
                       ? Form{BoundUnit::relative, "tokens_per_s versus stable", "a fall like -20%"}
                       : Form{BoundUnit::per_second, "tokens_per_s", "a rate like 20/s"};
        }
        return versus ? Form{BoundUnit::relative, "a time versus stable", "a rise like +20%"}
                      : Form{BoundUnit::seconds, "a time", "one like 2.5s"};
    }
    if (versus) {
        return {BoundUnit::relative, "a promql that is compared", "a change like +20% or -20%"};
    }
    constexpr std::array k_forms{
        Form{BoundUnit::share, "a promql with unit: share", "one like 1%"},
        Form{BoundUnit::seconds, "a promql with unit: seconds", "one like 2.5s"},
        Form{BoundUnit::per_second, "a promql with unit: per_second", "one like 20/s"},
        Form{BoundUnit::count, "a promql with unit: count", "one like 12"},
    };
    return k_forms[static_cast<std::size_t>(gate.quantity)];
}

void refuse_unit(const Node& node, std::string_view key, const Bound& bound, const Form& form) {
    const YamlNode& text = *node.yaml().find(key);
    const Node value(text, node.problems(), fmt::format("{}.{}", node.path(), key));
    const auto no_unit = read_limit(text.text);
    if (bound.unit == BoundUnit::count && !no_unit) {
        value.refuse(no_unit.error().message, no_unit.error().hint);
        return;
    }
    value.refuse(
        fmt::format("'{}' does not limit {}, expected {}", text.text, form.judged, form.expected)
    );
}

/// A gate stores seconds per token, with an upper limit.
void read_token_limit(const Node& node, const Bound& bound, measure::GateSpec& out) {
    const bool relative = bound.unit == BoundUnit::relative;
    const bool fits = relative ? bound.value < 0 && bound.value > -1 : bound.value > 0;
    if (!fits) {
        node.refuse("tokens_per_s need a rate above 0, or a fall between 0% and -100%");
        return;
    }
    out.limit = relative ? 1 / (1 + bound.value) - 1 : 1 / bound.value;
    out.at_least = false;
}

} // namespace

std::optional<Bound> read_bound(const Node& node) {
    if (node.yaml().unset) {
        return std::nullopt;
    }
    // A bare number is the limit for `unit: count`; text() would require quotes.
    const bool bare = node.yaml().kind == YamlKind::scalar && !node.yaml().text.empty();
    const auto text = bare ? std::optional(node.yaml().text) : node.text();
    if (!text) {
        return std::nullopt;
    }
    auto out = bound_of(*text);
    if (!out) {
        const auto why = read_limit(*text);
        node.refuse(why.error().message, why.error().hint);
    }
    return out;
}

void read_limit_into(const Node& node, const GateDraft& draft, measure::GateSpec& out) {
    out.at_least = has(node, "at_least");
    const std::string_view key = out.at_least ? "at_least" : "at_most";
    const auto& bound = out.at_least ? draft.at_least : draft.at_most;
    const bool tokens = measure::is_token_rate(out);
    if (out.at_least != tokens && out.metric != measure::Metric::expression) {
        node.refuse(
            tokens ? "fewer tokens_per_s are worse: it takes at_least"
                   : "at_least belongs to tokens_per_s or a promql",
            tokens ? "at_least: 20/s" : "at_most: …"
        );
        return;
    }
    if (!bound) {
        return;
    }
    const Form form = form_of(out);
    if (bound->unit != form.unit) {
        refuse_unit(node, key, *bound, form);
    } else if (tokens) {
        read_token_limit(node, *bound, out);
    } else {
        out.limit = bound->value;
    }
}

} // namespace oa_stream::playbook::file
