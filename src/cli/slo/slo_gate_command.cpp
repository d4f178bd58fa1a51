// slo gate: one limit, judged once on what a source tells, for pipelines.
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include "core/commands.hpp"
#include "core/retry.hpp"
#include "gate_expr.hpp"
#include "slo_args.hpp"
#include "slo_replay.hpp"
#include "slo_run.hpp"
#include "smoke/smoke_args.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {

namespace {

constexpr std::uint64_t k_most_samples = 1'000'000;

struct Order {
    GateExpr gate{};
    SloSource source{};
    std::string canary{};
    std::string stable{};
    std::vector<std::string> routes{};
    Millis window{};
};

Result<double> parse_confidence(const Args& args) {
    auto share = config::read_percent(args.get("--confidence").value_or("95%"));
    if (!share || *share <= 0.5 || *share >= 1) {
        return fail(
            Code::usage, "a confidence lies between 50% and 100%", "--confidence", "like 95%"
        );
    }
    return *share;
}

Result<Order> parse(const Args& args) {
    Order out;
    OA_TRY(out.gate, parse_gate_expr(args.positional("EXPR").value_or("")));
    OA_TRY(out.gate.spec.confidence, parse_confidence(args));
    auto least = parse_count(args.get("--min-n").value_or("0"), 0, k_most_samples);
    if (!least) {
        return std::unexpected(std::move(least).error().prefixed("--min-n"));
    }
    out.gate.spec.min_n = *least;
    OA_TRY(out.source, parse_slo_source(args));
    OA_TRY(out.window, positive_duration(args, "--window"));
    out.canary = args.get("--revision").value_or("");
    out.stable = args.get("--stable").value_or("");
    out.routes = args.all("--route");
    const bool versus = out.gate.spec.against == measure::Against::stable;
    if (versus && (out.canary.empty() || out.stable.empty() || out.canary == out.stable)) {
        return fail(
            Code::usage,
            "versus stable compares two revisions: --revision and --stable name them",
            "--stable",
            "--revision r2 --stable r1"
        );
    }
    if (!versus && !out.stable.empty()) {
        return fail(
            Code::usage,
            "nothing is compared with stable here",
            "--stable",
            "a limit like '<= +1pp' or '<= +20%'"
        );
    }
    return out;
}

measure::GateInput input_of(const Order& order) {
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

measure::Question question_of(const Order& order, const std::string& revision) {
    measure::Question out;
    out.revision = revision;
    out.routes = order.routes;
    out.bad = order.gate.bad;
    return out;
}

std::string text_of(const measure::GateRecord& record) {
    std::string out = fmt::format("window  {}\nsource  {}\n", record.window, record.source);
    for (const std::string& note : record.notes) {
        out += fmt::format("note    {}\n", note);
    }
    return out;
}

SloFindings found(const Order& order, const measure::GateRecord& record) {
    SloFindings out;
    out.checks.push_back(to_check(record, "gate." + order.gate.spec.id));
    out.text = text_of(record);
    out.more["gate"] = to_json(record);
    return out;
}

SloFindings failed(const Order& order, const Error& error) {
    SloFindings out =
        found(order, unjudged(order.gate.spec, input_of(order), Verdict::error, error.text()));
    out.checks.front().data["code"] = to_string(error.code);
    return out;
}

// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): run_slo() holds them
Task<SloFindings> judge(const Order& order, SloDesk& desk) {
    const double window_s = std::chrono::duration<double>(order.window).count();
    const auto canary = co_await desk.ask(question_of(order, order.canary), window_s);
    if (!canary) {
        co_return failed(order, canary.error());
    }
    Result<measure::SourceReading> stable = measure::SourceReading{};
    if (order.gate.spec.against == measure::Against::stable) {
        stable = co_await desk.ask(question_of(order, order.stable), window_s);
        if (!stable) {
            co_return failed(order, stable.error());
        }
    }
    co_return found(order, evaluate_readings(order.gate.spec, *canary, *stable, input_of(order)));
}

/// Past runs are judged from what they recorded: nothing else is looked at, so nothing else may be
/// given as if it were.
Result<void> check_replayed(const Args& args) {
    const auto refused = [](std::string_view name) {
        return fail(
            Code::usage,
            "past runs are judged from what they recorded; --set says what is judged otherwise",
            std::string(name),
            "--set limit=2%, --set confidence=99%, --set min_n=1000"
        );
    };
    if (args.has("EXPR")) {
        return refused("EXPR");
    }
    for (const OptionSpec& option : slo_gate_command.options) {
        const bool replays = option.name == k_replay_runs.name || option.name == k_replay_set.name;
        if (!replays && args.has(std::string(option.name))) {
            return refused(option.name);
        }
    }
    return {};
}

Result<ExitCode> run(const Args& args, Context& context) {
    if (args.has("--set") && !args.has("--replay")) {
        return fail(Code::usage, "changes how past runs are judged", "--set", "--replay RUN");
    }
    if (args.has("--replay")) {
        OA_CHECK(check_replayed(args));
        return replay_gates(args, context);
    }
    OA_TRY(const Order order, parse(args));
    const SloCommand command{
        run::RunKind::slo_gate,
        "slo gate",
        typed_again(slo_gate_command, args, {{"--window", format_duration(2 * order.window)}}),
        typed_again(slo_gate_command, args, {{"--auth", "env:NAME"}}),
    };
    return run_slo(
        command, order.source, [&](SloDesk& desk) { return judge(order, desk); }, context
    );
}

constexpr std::array k_positionals{PositionalSpec{
    "EXPR", "'bad: WORDS <= LIMIT' or 'p95: first_content <= LIMIT', as in a playbook.", false
}};
constexpr std::array k_options{
    k_slo_prometheus,
    k_slo_access_log,
    OptionSpec{"--revision", "NAME", "Only what this revision answered."},
    OptionSpec{"--stable", "NAME", "The revision it is compared with."},
    OptionSpec{"--window", "D", "Look back so far.", "10m"},
    OptionSpec{"--confidence", "SHARE", "One-sided, of PASS and of FAIL.", "95%"},
    OptionSpec{"--min-n", "N", "With fewer requests it does not PASS.", "0"},
    k_slo_route,
    k_slo_auth,
    k_slo_user,
    k_slo_ca,
    k_slo_match,
    k_slo_label,
    k_slo_stale,
    k_slo_timeout,
    k_replay_runs,
    k_replay_set,
};
constexpr std::array<std::string_view, 4> k_examples{
    "oa-stream slo gate 'bad: http_5xx | terminal_error <= 1%' --prometheus http://127.0.0.1:9090",
    "oa-stream slo gate 'bad: http_5xx <= +1pp' --prometheus http://127.0.0.1:9090 --revision r2 "
    "--stable r1",
    "oa-stream slo gate 'p95: first_content <= 2.5s' --prometheus http://127.0.0.1:9090 --window "
    "30m --json",
    "oa-stream slo gate --replay 20260222T043600Z-cutover-1a2b3c4d --set limit=2%",
};

} // namespace

const CommandSpec slo_gate_command{
    .path = "slo gate",
    .summary = "Judge one limit on what Prometheus or an access log tells.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_examples,
    .run = run,
    .leaves_run = true,
};

} // namespace oa_stream::cli
