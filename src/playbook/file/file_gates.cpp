// Keys of a stage and of its gates.
#include "file_keys.hpp"
#include "words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>

namespace oa_stream::playbook::file {
namespace {

using namespace config;

constexpr std::array<std::string_view, 3> k_mode_words{"decide", "observe", "none"};
constexpr std::array<std::string_view, 1> k_versus_words{"stable"};
constexpr std::array<std::string_view, 1> k_per_words{"arm"};

constexpr std::uint64_t k_most_events = 1000000;
constexpr std::uint64_t k_most_in_a_clump = 1000;
constexpr std::array<std::string_view, 7> k_gate_forms{
    "bad", "p50", "p90", "p95", "p99", "time", "spike"
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
        "An error rate: what counts as bad. Probes count whatever does not end ok."
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
        "turn, "
        "of those that ended well. A time limit counts as infinitely late."
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
        "has their numbers."
    ),
    count<&GateDraft::min_events, 1, k_most_events>(
        "min_events", Need::optional, "Of a spike: fewer events at the canary are none."
    )
        .or_else("10"),
    limit<&GateDraft::at_most>(
        "at_most",
        Need::required,
        "`1%` for a rate, `2.5s` for a time; versus stable `+1pp` (percentage points) and `+20%`; "
        "for a spike `+100%` (twice stable's rate)."
    ),
    word_text<&GateDraft::versus, k_versus_words>(
        "versus", Need::optional, "Compare with the other arm instead of a fixed limit."
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
        "Of an error rate: failures may come in clumps of so many, so the gate needs so many times "
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
        "Who judges it; if absent, the first of `sources` that can measure it, else the probes."
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

/// Which form of at_most fits what is judged.
struct Form {
    LimitUnit unit;
    std::string_view judged;
    std::string_view expected;
};
Form form_of(bool rate, bool versus, bool spike) {
    if (spike) {
        return {LimitUnit::relative, "a spike", "a rise like +100%"};
    }
    if (rate) {
        return versus
                   ? Form{LimitUnit::points, "an error rate versus stable", "percentage points like +1pp"}
                   : Form{LimitUnit::share, "an error rate", "a share like 1%"};
    }
    return versus ? Form{LimitUnit::relative, "a time versus stable", "a rise like +20%"}
                  : Form{LimitUnit::seconds, "a time", "one like 2.5s"};
}

void check_form(const Node& gate, const Form& form, LimitUnit unit) {
    for (const YamlEntry& entry : gate.yaml().entries) {
        if (entry.key == "at_most" && unit != form.unit) {
            Node(entry.value, gate.problems(), gate.path() + ".at_most")
                .refuse(fmt::format(
                    "'{}' does not limit {}, expected {}",
                    entry.value.text,
                    form.judged,
                    form.expected
                ));
        }
    }
}

/// "auth_errors" → "auth-errors", as other gates are called.
std::string spike_id(std::string text) {
    std::ranges::replace(text, '_', '-');
    return text;
}

/// Keys that do not go together.
void check_company(const Node& node, const GateDraft& draft, bool spike) {
    const bool rate = has(node, "bad");
    if (has(node, "quantile") != has(node, "time")) {
        node.refuse("time and quantile belong together", "{ time: duration, quantile: 97.5% }");
    } else if (has(node, "time") && !(draft.quantile > 0 && draft.quantile < 1)) {
        node.refuse("a quantile lies between 0% and 100%");
    }
    if (has(node, "unnoticed") && (rate || spike || !has(node, "versus"))) {
        node.refuse("unnoticed belongs to a time versus stable");
    }
    if (has(node, "clumps") && !rate) {
        node.refuse("clumps belong to an error rate");
    }
    if (draft.bad.size() > 1 && std::ranges::find(draft.bad, "any") != draft.bad.end()) {
        node.refuse("bad: any includes the others");
    }
    if (spike && (has(node, "source") || has(node, "min_samples"))) {
        node.refuse("a spike is judged on stated numbers: no source, no min_samples");
    }
    if (!spike && has(node, "min_events")) {
        node.refuse("min_events belongs to a spike");
    }
}

/// 0.975 as 975000 / 1000000: what a playbook writes has no more digits.
measure::Fraction fraction_of(double share) {
    constexpr std::uint64_t k_parts = 1'000'000;
    return {
        static_cast<std::uint64_t>(std::llround(share * static_cast<double>(k_parts))), k_parts
    };
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
          Row{draft.time, fraction_of(draft.quantile)}}) {
        if (!row.timing.empty()) {
            const auto word = std::ranges::find(measure::k_timing_words, row.timing);
            out.timing = static_cast<measure::Timing>(word - measure::k_timing_words.begin());
            out.quantile = row.quantile;
        }
    }
    out.unnoticed_s = std::chrono::duration<double>(draft.unnoticed).count();
}

measure::GateSpec to_gate(const Node& node, const GateDraft& draft) {
    const bool rate = has(node, "bad");
    const bool spike = has(node, "spike");
    check_company(node, draft, spike);
    const bool versus = spike || has(node, "versus");
    measure::GateSpec out;
    out.metric = spike  ? measure::Metric::spike
                 : rate ? measure::Metric::bad_rate
                        : measure::Metric::quantile;
    read_quantile(draft, out);
    out.clump = draft.clumps;
    out.signal = draft.spike;
    out.min_events = draft.min_events;
    out.from = draft.source;
    out.min_n = draft.min_samples;
    out.against = versus ? measure::Against::stable : measure::Against::limit;
    out.confidence = draft.confidence;
    out.mode =
        draft.mode == GateUse::observe ? measure::GateMode::observe : measure::GateMode::decide;
    out.id = !draft.id.empty() ? draft.id
             : spike           ? spike_id(draft.spike)
             : rate            ? fmt::format("error-rate{}", versus ? "-vs-stable" : "")
                               : measure::quantile_id(out);
    if (rate && !(draft.bad.size() == 1 && draft.bad.front() == "any")) {
        out.events = fmt::format("{}", fmt::join(draft.bad, " | "));
    }
    const auto forms =
        std::ranges::count_if(k_gate_forms, [&](std::string_view form) { return has(node, form); });
    if (draft.at_most && forms == 1) {
        check_form(node, form_of(rate, versus, spike), draft.at_most->unit);
        out.limit = draft.at_most->value;
    }
    return out;
}

void check_per(const Node& node, ProbeSpec& /*out*/) {
    static_cast<void>(node.one_of(k_per_words));
}
constexpr auto k_probe_keys = keys<ProbeSpec>(
    rate<&ProbeSpec::per_arm_per_s>(
        "rate", Need::required, "Probes a second to each arm, whatever its share of the traffic."
    ),
    custom<ProbeSpec, check_per>(
        Type::word, "per", Need::optional, "`arm`: both are probed at the same rate."
    )
        .among(k_per_words),
    rate<&ProbeSpec::unpinned_per_s>(
        "unpinned",
        Need::optional,
        "Probes a second as users come in; they verify the split and nothing else."
    )
        .or_else("2/s")
);
constinit const Section<ProbeSpec> k_probe{
    {"probe", "The requests a stage is judged by.", k_probe_keys}
};

struct InconclusiveDraft {
    Millis extend{0};
    Then then = Then::rollback;
};
constexpr auto k_inconclusive_keys = keys<InconclusiveDraft>(
    duration<&InconclusiveDraft::extend>(
        "extend_at_most", Need::optional, "How much longer the stage lasts then."
    )
        .or_else("0s"),
    word<&InconclusiveDraft::then, k_then_words>(
        "then", Need::optional, "When that was not enough either."
    )
        .or_else("rollback")
);
constinit const Section<InconclusiveDraft> k_inconclusive{
    {"on_inconclusive", "When a gate cannot decide by the end of the bake.", k_inconclusive_keys}
};

struct ErrorDraft {
    Millis hold{0};
    Then then = Then::rollback;
};
constexpr auto k_error_keys = keys<ErrorDraft>(
    duration<&ErrorDraft::hold>(
        "hold_at_most", Need::optional, "How long to wait for the source to come back."
    )
        .or_else("0s"),
    word<&ErrorDraft::then, k_then_words>("then", Need::optional, "When it did not.")
        .or_else("rollback")
);
constinit const Section<ErrorDraft> k_error{
    {"on_error", "When a source cannot be asked.", k_error_keys}
};

constexpr auto k_pause_keys = keys<StageSpec>(
    percents<&StageSpec::pause_after>(
        "after", Need::optional, "Stages after which the run waits, when they were good."
    ),
    duration<&StageSpec::pause_at_most>(
        "at_most",
        Need::optional,
        "How long any pause lasts, also one of `hold` or `cutover pause`. When nobody comes, a "
        "good stage is rolled back, and a `hold` ends the run with its split in place."
    )
        .or_else("4h")
);
constinit const Section<StageSpec> k_pause{
    {"pause", "When the run waits for `cutover continue`.", k_pause_keys}
};

void inconclusive_into(const Node& node, StageSpec& out) {
    InconclusiveDraft draft;
    read_section(node, k_inconclusive, draft);
    out.extend_at_most = draft.extend;
    out.inconclusive_then = draft.then;
}
void error_into(const Node& node, StageSpec& out) {
    ErrorDraft draft;
    read_section(node, k_error, draft);
    out.error_hold_at_most = draft.hold;
    out.error_then = draft.then;
}
void pause_into(const Node& node, StageSpec& out) {
    read_section(node, k_pause, out);
}
void gates_into(const Node& node, StageSpec& out) {
    out.gates = read_gates(node);
}

constexpr auto k_stage_keys = keys<StageSpec>(
    duration<&StageSpec::bake>(
        "bake", Need::required, "How long each stage lasts and is measured."
    ),
    section<&StageSpec::probe, k_probe>("probe", Need::required, "Which requests are sent."),
    custom<StageSpec, gates_into>(
        Type::sections,
        "gates",
        Need::required,
        "What must hold before the next stage. While none decides (`[]`, or all of them only "
        "observe) every stage goes on, the plan warns, and the run is INCONCLUSIVE at best.",
        &k_gate
    ),
    custom<StageSpec, inconclusive_into>(
        Type::section,
        "on_inconclusive",
        Need::optional,
        "When a gate cannot decide; back at once if absent.",
        &k_inconclusive
    ),
    word<&StageSpec::on_no_traffic, k_no_traffic_words>(
        "on_no_traffic", Need::optional, "Without users' traffic: let the probes fill in, or wait."
    )
        .or_else("probe"),
    custom<StageSpec, error_into>(
        Type::section,
        "on_error",
        Need::optional,
        "When a source fails; back at once if absent.",
        &k_error
    ),
    custom<StageSpec, pause_into>(
        Type::section, "pause", Need::optional, "When the run waits for a person.", &k_pause
    )
);

} // namespace

constinit const Section<GateDraft> k_gate{
    {.name = "gate",
     .help = "One limit, judged with its uncertainty. Exactly one of bad (an error rate), p50, "
             "p90, p95, p99 or time (a quantile) and spike (events at the control service).",
     .keys = k_gate_keys,
     .exactly_one = k_gate_forms}
};
constinit const Section<StageSpec> k_stage{{"stage", "What happens at each stage.", k_stage_keys}};

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
