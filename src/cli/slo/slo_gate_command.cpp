// slo gate: judges one limit once on a source's numbers, for pipelines.
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include "core/commands.hpp"
#include "core/suggestion.hpp"
#include "gate_expr.hpp"
#include "gate_window.hpp"
#include "slo_args.hpp"
#include "slo_replay.hpp"
#include "slo_run.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {

namespace {

constexpr std::int64_t k_most_samples = 1'000'000;

struct Options : SloSourceOptions, ReplayOptions {
    std::optional<GateExpr> gate{};
    std::string canary{};
    std::string stable{};
    std::vector<std::string> routes{};
    Millis window{};
    double confidence = 0.95;
    std::uint64_t min_n = 0;
};
constexpr auto k_stable =
    option<&Options::stable>("--stable", "NAME", "Compare it with this revision.");

struct GateOrder {
    GateExpr gate{};
    SloSource source{};
    std::string canary{};
    std::string stable{};
    std::vector<std::string> routes{};
    Millis window{};
};

Result<double> read_confidence_percent(std::string_view text) {
    const auto share = config::read_percent(text);
    if (!share || *share <= 0.5 || *share >= 1) {
        return fail(Code::usage, "a confidence is between 50% and 100%", {}, "like 95%");
    }
    return *share;
}

Result<GateOrder> complete(const Options& options) {
    GateOrder out;
    OA_TRY(out.gate, options.gate ? Result<GateExpr>(*options.gate) : parse_gate_expr(""));
    out.gate.spec.confidence = options.confidence;
    out.gate.spec.min_n = options.min_n;
    out.gate.spec.alone = out.gate.spec.against == measure::Against::limit;
    OA_TRY(out.source, options.source());
    out.window = options.window;
    out.canary = options.canary;
    out.stable = options.stable;
    out.routes = options.routes;
    if (const auto why = out.source.settings->kind().refusal(out.gate.spec)) {
        return fail(Code::usage, why->message, "EXPR", why->hint);
    }
    const bool versus = out.gate.spec.against == measure::Against::stable;
    if (versus && (out.canary.empty() || out.stable.empty() || out.canary == out.stable)) {
        return fail(
            Code::usage,
            "versus stable compares two revisions: --revision and --stable name them",
            std::string(k_stable.name),
            "like --revision r2 --stable r1"
        );
    }
    if (!versus && !out.stable.empty()) {
        return fail(
            Code::usage,
            "nothing is compared with stable here",
            std::string(k_stable.name),
            "a limit like '<= +1pp' or '<= +20%'"
        );
    }
    return out;
}

measure::GateInput input_of(const GateOrder& order) {
    measure::GateInput out;
    out.window = fmt::format(
        "{}{}",
        order.canary.empty() ? "" : order.canary + ", ",
        "last " + format_duration(order.window)
    );
    out.reference_window = order.stable.empty() ? "" : order.stable + ", the same time";
    out.source = order.source.text();
    return out;
}

measure::Question question_of(const GateOrder& order, const std::string& revision) {
    measure::Question out;
    out.revision = revision;
    out.routes = order.routes;
    out.bad = order.gate.bad;
    out.timing = order.gate.spec.timing;
    return out;
}

std::string gate_record_text(const measure::GateRecord& record) {
    std::string out = fmt::format("window  {}\nsource  {}\n", record.window, record.source);
    for (const std::string& note : record.notes) {
        out += fmt::format("note    {}\n", note);
    }
    return out;
}

SloFindings found(const GateOrder& order, const measure::GateRecord& record) {
    SloFindings out;
    out.checks.push_back(to_check(record, "gate." + order.gate.spec.id));
    out.text = gate_record_text(record);
    out.more["gate"] = to_json(record);
    return out;
}

SloFindings failed(const GateOrder& order, const Error& error, SloDesk& desk) {
    const auto record = evaluate_basis(
        order.gate.spec, {.asked = order.source.text(), .silent = error.text()}, input_of(order)
    );
    desk.keep_gate(record);
    SloFindings out = found(order, record);
    out.checks.front().data["code"] = to_string(error.code);
    return out;
}

Suggestion longer(const Args& given, Millis window) {
    return Typed{&slo_gate_command, given}.with(names::window, format_duration(window));
}

/// The reading has no data for the window, or a log has damaged lines or lines of another clock.
bool is_unfit(const measure::SourceReading& reading) {
    return reading.state == measure::SourceReading::State::missing || reading.unread > 0 ||
           !reading.uncovered.empty();
}

/// The command that shows why a source has no numbers; `file` is the one at fault, of several.
/// Empty: there is none.
Advice look_at_source(const Args& given, const std::string& file) {
    if (!given.all(names::prometheus).empty()) { // shows which targets are down or mixed
        return Typed{&watch_command, given}.with(names::once);
    }
    const auto logs = given.all(names::access_log);
    const bool files = !logs.empty() && logs.front() != "-";
    return files ? Suggestion{
                       .command = {},
                       .arguments = {"-n", "5", file.empty() ? logs.front() : file},
                       .globals = {},
                       .program = "tail",
                   }
                 : Advice();
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): run_slo() holds them
Task<SloFindings> judge(const GateOrder& order, SloDesk& desk, const Args& given) {
    const double window_s = seconds(order.window);
    auto canary = co_await desk.ask(question_of(order, order.canary), window_s);
    if (!canary) {
        co_return failed(order, canary.error(), desk);
    }
    measure::GateBasis basis{.asked = order.source.text(), .canary = *canary, .stable = *canary};
    if (order.gate.spec.against == measure::Against::stable) {
        auto stable = co_await desk.ask(question_of(order, order.stable), window_s);
        if (!stable) {
            co_return failed(order, stable.error(), desk);
        }
        basis.stable = *std::move(stable);
    }
    const auto& first = basis.canary->reading;
    const measure::SourceReading& doubtful = is_unfit(first) ? first : basis.stable->reading;
    const bool unfit = is_unfit(doubtful);
    Advice look = unfit ? look_at_source(given, doubtful.at_fault) : Advice();
    const auto record = evaluate_basis(order.gate.spec, std::move(basis), input_of(order));
    desk.keep_gate(record);
    SloFindings out = found(order, record);
    out.look = std::move(look);
    if (record.verdict == Verdict::inconclusive && !unfit) {
        NextWindow next = next_window(record, order.window);
        out.note = std::move(next.note);
        out.retry = next.window ? longer(given, *next.window) : Advice();
    }
    co_return out;
}

/// Past runs are judged from their records alone, so options for other sources are refused.
Result<void> check_replayed(const Args& given) {
    const auto refused = [](std::string_view name) {
        return fail(
            Code::usage,
            "past runs are judged from what they recorded; --set changes the limits",
            std::string(name),
            "like --set limit=2%, --set confidence=99%, --set min_n=1000"
        );
    };
    if (given.has("EXPR")) {
        return refused("EXPR");
    }
    for (const OptionSpec& option : slo_gate_command.options) {
        const bool replays = option.name == k_replay_runs.name || option.name == k_replay_set.name;
        if (!replays && given.has(option.long_name())) {
            return refused(option.name);
        }
    }
    return {};
}

Result<ExitCode> run(const Options& options, Context& context) {
    if (options.runs.empty() && !options.settings.empty()) {
        return fail(
            Code::usage,
            "changes how past runs are judged",
            std::string(names::set),
            "add --replay RUN"
        );
    }
    if (!options.runs.empty()) {
        OA_CHECK(check_replayed(context.given));
        return replay_gates(options, context);
    }
    OA_TRY(const GateOrder order, complete(options));
    return run_slo(
        run::RunKind::slo_gate,
        slo_gate_command,
        order.source,
        [&](SloDesk& desk) { return judge(order, desk, context.given); },
        context
    );
}

constexpr auto k_positionals = positionals<Options>(
    parsed_positional<parse_gate_expr, &Options::gate>(
        "EXPR", "'bad: WORDS <= LIMIT' or 'p95: first_content <= LIMIT', as in a playbook."
    )
        .optional()
);
constexpr auto k_options = options<Options>(
    k_slo_source,
    option<&Options::canary>(names::revision, "NAME", "Count only what this revision answered."),
    k_stable,
    option<&Options::window>(names::window, "D", "Look back this far.")
        .range(1, k_longest_ms)
        .or_else("10m"),
    parsed<read_confidence_percent, &Options::confidence>(
        "--confidence", "SHARE", "Decide PASS and FAIL with this one-sided confidence."
    )
        .or_else("95%"),
    option<&Options::min_n>("--min-n", "N", "Do not PASS with fewer requests.")
        .range(0, k_most_samples)
        .or_else("0"),
    option<&Options::routes>(
        names::route, "TEMPLATE", "Count only this route. Without it: all routes that carry turns."
    )
        .suggesting(turn_route_words),
    k_slo_access,
    k_replay_options
);

} // namespace

const CommandSpec slo_gate_command = command<run>({
    .path = "slo gate",
    .summary = "Judge one limit on real traffic, from Prometheus or an access log.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream slo gate 'bad: http_5xx | terminal_error <= 1%' --prometheus "
            "http://127.0.0.1:9090",
            "oa-stream slo gate 'bad: http_5xx <= +1pp' --prometheus http://127.0.0.1:9090"
            " --revision r2 --stable r1",
            "oa-stream slo gate 'p95: first_content <= 2.5s' --prometheus http://127.0.0.1:9090"
            " --window 30m --json",
            "oa-stream slo gate --replay 20260222T043600Z-cutover-1a2b3c4d --set limit=2%",
        },
    .leaves_run = true,
    .about =
        R"(Judges one limit on real traffic with a stated confidence: PASS and FAIL are proven, anything else is
INCONCLUSIVE. `--replay` judges the recorded samples of past runs again, with other limits if you set
them, and sends nothing.)",
    .also = "gate",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
