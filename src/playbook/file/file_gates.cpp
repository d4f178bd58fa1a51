// Keys of a stage and of its gates.
#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/seconds.hpp"

#include "file_keys.hpp"
#include "words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

constexpr std::array<std::string_view, 3> k_mode_words{"decide", "observe", "none"};
constexpr std::array<std::string_view, 2> k_versus_words{"stable", "before"};

constexpr std::uint64_t k_most_events = 1000000;
constexpr std::uint64_t k_most_in_a_clump = 1000;
constexpr std::array<std::string_view, 8> k_gate_forms{
    "bad", "p50", "p90", "p95", "p99", "time", "spike", "promql"
};

constexpr auto k_gate_keys = keys<GateDraft>(
    text<&GateDraft::id>(
        "id",
        Need::optional,
        "Name in reports; `error-rate`, `first-content` or `duration-p99` (`…-vs-stable`) if "
        "absent, of a spike the signal's."
    ),
    words<&GateDraft::bad, k_event_words>(
        "bad",
        Need::optional,
        "An error rate: what counts as bad. The first six: of these, probes count whatever does "
        "not end ok. `turn_failed` to `client_gone`: turns that ended in this class, by a source. "
        "The rest: probes that ended so and nothing else; `unauthorised` (401 or 403) by sources, "
        "too."
    ),
    word_text<&GateDraft::p50, measure::k_timing_words>(
        "p50", Need::optional, "A median: of which time."
    ),
    word_text<&GateDraft::p90, measure::k_timing_words>(
        "p90", Need::optional, "A 90th percentile: of which time."
    ),
    word_text<&GateDraft::p95, measure::k_timing_words>(
        "p95",
        Need::optional,
        "A 95th percentile: of which time. `first_content`: from the request to the first content. "
        "`chunk_gap`: the longest silence between two pieces of content. `duration`: the whole "
        "turn, of those that ended well. A time limit counts as infinitely late. `tokens_per_s`: "
        "pieces of content a second, with `at_least`; `p50` is that of the middle answer."
    ),
    word_text<&GateDraft::p99, measure::k_timing_words>(
        "p99", Need::optional, "A 99th percentile: of which time."
    ),
    word_text<&GateDraft::time, measure::k_timing_words>(
        "time", Need::optional, "Any other quantile: of which time, with `quantile`."
    ),
    percent<&GateDraft::quantile>("quantile", Need::optional, "Of `time`: which, like `97.5%`."),
    word_text<&GateDraft::spike, measure::k_signal_words>(
        "spike",
        Need::optional,
        "Events of one kind at the control service, against stable's: INCONCLUSIVE while no source "
        "has their numbers. `auth_errors` are the lane's 401 and 403 answers where no query counts "
        "them."
    ),
    text<&GateDraft::promql>(
        "promql",
        Need::optional,
        "The result of this PromQL expression, once, at the window's end. `$window` is the "
        "window's length, `$revision` is the judged revision."
    ),
    word_text<&GateDraft::unit, measure::k_quantity_words>(
        "unit",
        Need::optional,
        "Of a promql: the unit of its result. `share` is limited like `1%`, `seconds` like `2.5s`, "
        "`per_second` like `20/s`, `count` like `12`."
    ),
    count<&GateDraft::min_events, 1, k_most_events>(
        "min_events", Need::optional, "Of a spike: fewer events at the canary are none."
    )
        .or_else("10"),
    detail::row<&GateDraft::at_most, read_bound>(
        Type::scalar,
        "at_most",
        Need::optional,
        "`1%` for a rate, `2.5s` for a time; versus stable `+1pp` (percentage points) and `+20%`; "
        "for a spike `+100%` (twice the rate). Needed, or `at_least`."
    ),
    detail::row<&GateDraft::at_least, read_bound>(
        Type::scalar,
        "at_least",
        Need::optional,
        "Of `tokens_per_s` and of a promql, where less is worse: `20/s`; versus stable `-20%`."
    ),
    word_text<&GateDraft::versus, k_versus_words>(
        "versus",
        Need::optional,
        "`stable`: compare with the other arm instead of a fixed limit. `before`, of a spike or a "
        "promql: with the same length of time before the first stage."
    ),
    duration<&GateDraft::unnoticed>(
        "unnoticed",
        Need::optional,
        "Of a time versus stable: a rise by less is not one, however many per cent it is."
    )
        .or_else("10ms"),
    count<&GateDraft::clumps, 1, k_most_in_a_clump>(
        "clumps",
        Need::optional,
        "Of an error rate: how many failures may come in one clump. The gate needs that many times "
        "more requests. Larger clumps that the window shows count anyway."
    )
        .or_else("1"),
    percent<&GateDraft::confidence>(
        "confidence", Need::optional, "One-sided, between 50% and 100%."
    )
        .or_else("95%"),
    registered_word<&GateDraft::source, judge_words>(
        "source",
        Need::optional,
        "What measures it; if absent, the first of `sources` that can measure it, else the probes."
    ),
    count<&GateDraft::min_samples, 1, k_most_events>(
        "min_samples",
        Need::optional,
        "With fewer requests an arm the gate does not pass; it may still fail."
    ),
    word<&GateDraft::mode, k_mode_words>(
        "mode",
        Need::optional,
        "`observe` evaluates and reports, and never decides; `none` leaves the gate out."
    )
        .or_else("decide")
);

/// "auth_errors" → "auth-errors", in the style of other gates' ids.
std::string spike_id(std::string text) {
    std::ranges::replace(text, '_', '-');
    return text;
}

/// An unclosed bracket or quote of a PromQL expression, or one closed without being opened; empty:
/// none. Only Prometheus can check the rest of the grammar.
std::string unbalanced(std::string_view promql) {
    constexpr std::string_view k_opening = "([{";
    constexpr std::string_view k_closing = ")]}";
    constexpr std::string_view k_quotes = "\"'`";
    std::string open;
    char quote = 0;
    for (std::size_t i = 0; i < promql.size(); ++i) {
        const char c = promql[i];
        if (quote != 0) {
            i += c == '\\' && quote != '`' ? 1 : 0;
            quote = c == quote ? '\0' : quote;
        } else if (k_quotes.contains(c)) {
            quote = c;
        } else if (c == '#') {
            i = std::min(promql.find('\n', i), promql.size());
        } else if (k_opening.contains(c)) {
            open += c;
        } else if (const auto kind = k_closing.find(c); kind != k_closing.npos) {
            if (open.empty() || open.back() != k_opening[kind]) {
                return fmt::format("'{}' closes nothing", c);
            }
            open.pop_back();
        }
    }
    if (quote != 0) {
        return fmt::format("a text in {} does not end", quote);
    }
    return open.empty() ? open : fmt::format("'{}' is not closed", open.back());
}

void check_promql(const Node& node, const GateDraft& draft) {
    const bool promql = has(node, "promql");
    if (promql != has(node, "unit")) {
        node.refuse("promql and unit belong together", "{ promql: …, unit: share, at_most: 1% }");
    }
    if (const std::string wrong = unbalanced(draft.promql); !wrong.empty()) {
        node.refuse("the promql is broken: " + wrong);
    }
    if (promql && has(node, "min_samples")) {
        node.refuse("a promql counts no samples: no min_samples");
    }
    if (promql && draft.versus == "stable" &&
        !draft.promql.contains(measure::k_revision_placeholder)) {
        node.refuse(
            "the promql does not contain $revision, so stable would be compared with itself",
            "versus: before, or a matcher like revision=\"$revision\""
        );
    }
}

void check_events(const Node& node, const GateDraft& draft) {
    if (has(node, "clumps") && !has(node, "bad")) {
        node.refuse("clumps belong to an error rate");
    }
    if (draft.bad.size() < 2) {
        return;
    }
    if (contains(draft.bad, "any")) {
        node.refuse("bad: any includes the others");
    }
    const std::string events = fmt::format("{}", fmt::join(draft.bad, " | "));
    if (!measure::sources_count(events) && !measure::probes_count(events)) {
        node.refuse(
            fmt::format("no source counts {} together", events),
            "a gate each: classes of turns, and endings of probes"
        );
    }
}

/// Reports keys that exclude each other.
void check_company(const Node& node, const GateDraft& draft, bool spike) {
    const bool promql = has(node, "promql");
    check_promql(node, draft);
    if (draft.versus == "before" && !spike && !promql) {
        node.refuse("versus: before belongs to a spike or a promql");
    }
    if (has(node, "quantile") != has(node, "time")) {
        node.refuse("time and quantile belong together", "{ time: duration, quantile: 97.5% }");
    } else if (has(node, "time") && !(draft.quantile > 0 && draft.quantile < 1)) {
        node.refuse("a quantile is between 0% and 100%");
    }
    const bool timed = !has(node, "bad") && !spike && (!promql || draft.unit == "seconds");
    const bool tokens = measure::k_timing_words.back() ==
                        draft.p50 + draft.p90 + draft.p95 + draft.p99 + draft.time;
    if (has(node, "unnoticed") && (tokens || !(timed && has(node, "versus")))) {
        node.refuse("unnoticed belongs to a time versus stable");
    }
    check_events(node, draft);
    if (spike && has(node, "min_samples")) {
        node.refuse("a spike has min_events, no min_samples");
    }
    if (!spike && has(node, "min_events")) {
        node.refuse("min_events belongs to a spike");
    }
}

void read_quantile(const GateDraft& draft, measure::GateSpec& out) {
    struct Row {
        const std::string& timing;
        measure::Fraction quantile;
    };
    for (const Row& row :
         {Row{draft.p50, {50, 100}},
          Row{draft.p90, {90, 100}},
          Row{draft.p95, measure::k_p95},
          Row{draft.p99, {99, 100}},
          Row{draft.time, measure::Fraction::of(draft.quantile)}}) {
        if (!row.timing.empty()) {
            out.timing = enum_value<measure::Timing>(measure::k_timing_words, row.timing)
                             .value_or(measure::Timing::first_content);
            out.quantile = row.quantile;
            out.metric = measure::Metric::quantile;
            out.quantile = measure::shown_quantile(out); // for tokens_per_s it is inverted
        }
    }
    out.unnoticed_s = seconds(draft.unnoticed);
}

/// An unknown key is the actual error and is reported elsewhere.
void refuse_limits(const Node& node, bool both) {
    const bool known = std::ranges::all_of(node.yaml().entries, [](const YamlEntry& entry) {
        return contains(k_gate_keys, entry.key, &Key::name);
    });
    if (known) {
        node.refuse(
            both ? "exactly one of at_most and at_least is needed"
                 : "at_most is missing, expected a limit like 1%, 2.5s, +20% or +1pp"
        );
    }
}

measure::Metric metric_of(const Node& node) {
    return has(node, "spike")    ? measure::Metric::spike
           : has(node, "promql") ? measure::Metric::expression
           : has(node, "bad")    ? measure::Metric::bad_rate
                                 : measure::Metric::quantile;
}

/// The id of a gate that names none.
std::string id_of(const GateDraft& draft, const measure::GateSpec& gate) {
    switch (gate.metric) {
    case measure::Metric::spike:
        return spike_id(draft.spike);
    case measure::Metric::expression:
        return "promql";
    case measure::Metric::bad_rate:
        return gate.against == measure::Against::limit ? "error-rate" : "error-rate-vs-stable";
    case measure::Metric::quantile:
        return measure::quantile_id(gate);
    }
    return {};
}

measure::GateSpec to_gate(const Node& node, const GateDraft& draft) {
    measure::GateSpec out;
    out.metric = metric_of(node);
    const bool spike = out.metric == measure::Metric::spike;
    check_company(node, draft, spike);
    const bool versus = spike || has(node, "versus");
    read_quantile(draft, out);
    if (measure::is_token_rate(out)) {
        out.unnoticed_s = 0; // a few milliseconds per token are many tokens per second
    }
    out.clump = draft.clumps;
    out.signal = draft.spike;
    out.min_events = draft.min_events;
    out.from = draft.source;
    out.min_n = draft.min_samples;
    out.against = draft.versus == "before" ? measure::Against::before
                  : versus                 ? measure::Against::stable
                                           : measure::Against::limit;
    out.promql = draft.promql;
    out.quantity = enum_value<measure::Quantity>(measure::k_quantity_words, draft.unit)
                       .value_or(measure::Quantity::count);
    out.confidence = draft.confidence;
    out.mode =
        draft.mode == GateUse::observe ? measure::GateMode::observe : measure::GateMode::decide;
    out.id = draft.id.empty() ? id_of(draft, out) : draft.id;
    if (has(node, "bad") && !(draft.bad.size() == 1 && draft.bad.front() == "any")) {
        out.events = fmt::format("{}", fmt::join(draft.bad, " | "));
    }
    const auto forms =
        std::ranges::count_if(k_gate_forms, [&](std::string_view form) { return has(node, form); });
    const bool most = has(node, "at_most");
    if (most == has(node, "at_least")) {
        refuse_limits(node, most);
    } else if (forms == 1) {
        read_limit_into(node, draft, out);
    }
    return out;
}

} // namespace

constinit const Section<GateDraft> k_gate{
    {.name = "gate",
     .help =
         "One limit, judged with its uncertainty. Exactly one of bad (an error rate), p50, "
         "p90, p95, p99 or time (a quantile), spike (events at the control service) and promql (a "
         "number that Prometheus computes); and one of at_most and at_least.",
     .keys = k_gate_keys,
     .exactly_one = k_gate_forms}
};
std::vector<measure::GateSpec> read_gates(const Node& node) {
    std::vector<measure::GateSpec> out;
    for (const Node& item : node.list()) {
        GateDraft draft;
        read_section(item, k_gate, draft);
        measure::GateSpec gate = to_gate(item, draft);
        if (draft.mode != GateUse::none) {
            out.push_back(std::move(gate));
        }
    }
    return out;
}

} // namespace oa_stream::playbook::file
