// verify: checks that the lane is as it should be; the weekly job.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/incident/runs_compare.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/playbook/target_run.hpp"
#include "oa_stream/run/runs.hpp"

#include "core/commands.hpp"
#include "operate.hpp"
#include "run_args.hpp"
#include "textfile_option.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

using Ended = Result<run::RunResult>;

struct Options : TargetRunOptions, LiveOptions, TextfileOption {};

report::RunMetrics metrics_of(const Ended& end, std::string name, std::string target) {
    report::RunMetrics out;
    out.name = std::move(name);
    out.target = std::move(target);
    out.ended = std::chrono::system_clock::now();
    if (!end) { // it did not begin: the file must not keep showing last week's result
        out.exit_code = static_cast<int>(exit_code(end.error().code));
        return out;
    }
    out.verdict = end->end.verdict;
    out.exit_code = static_cast<int>(end->end.exit);
    out.checks = end->checks;
    return out;
}

/// The last finished run, before this one, of the same playbook against the same target.
std::optional<run::RunEntry> run_before(const run::RunEntry& now, const Context& context) {
    const auto all = run::list_runs(context.state_dir);
    if (!all) {
        return std::nullopt;
    }
    const auto target_of = [](const run::RunEntry& entry) {
        const Json* target = member(entry.document, "target");
        return target == nullptr ? std::string() : text_in(*target, "base_url");
    };
    for (const run::RunEntry& entry : *all) { // newest first
        const bool same =
            entry.kind == now.kind && entry.name == now.name && target_of(entry) == target_of(now);
        if (same && entry.id != now.id && entry.life == run::RunLife::finished &&
            entry.started < now.started) {
            return entry;
        }
    }
    return std::nullopt;
}

/// The relevant differences from the previous run; unchanged results are not mentioned.
std::string compare_with_last(run::RunResult& result, const Context& context) {
    const auto now = run::read_run(result.evidence);
    const auto before = now ? run_before(*now, context) : std::nullopt;
    if (!before) {
        result.document["compared"] = nullptr;
        return {};
    }
    const incident::Comparison found = incident::compare_runs(*before, *now);
    Json rows = Json::array();
    std::string changes;
    for (const auto* list : {&found.facts, &found.checks, &found.gates, &found.latencies}) {
        for (const incident::ComparedRow& row : *list) {
            if (row.matters || row.worse) {
                rows.push_back(
                    {{"what", row.what}, {"before", row.a}, {"now", row.b}, {"worse", row.worse}}
                );
                changes += fmt::format("  {} was {}, now {}\n", row.what, row.a, row.b);
            }
        }
    }
    result.document["compared"] = {
        {"run", before->id},
        {"started_at", before->started_at},
        {"verdict", before->verdict.empty() ? Json(nullptr) : Json(before->verdict)},
        {"differences", found.differences()},
        {"worse", found.worse()},
        {"that_matter", std::move(rows)},
    };
    return changes.empty() ? changes : fmt::format("since {}\n{}", before->id, changes);
}

Result<ExitCode> run(Options options, Context& context) {
    OA_CHECK(check_textfile(options));
    if (options.playbook.empty()) {
        options.playbook = "steady-state";
    }
    auto found = target_run_input(options, playbook::k_verified_kinds);
    if (!found) {
        write_refusal(options, found.error(), context);
        return std::unexpected(std::move(found).error());
    }
    auto input = *std::move(found);
    const std::string name = input.playbook.name;
    const std::string target = input.playbook.target.base_url;
    // A timer's mail should only report problems.
    context.quiet = context.quiet || !context.tty;
    Ended end = carry_out(
        context,
        Touches::nothing,
        [&](playbook::Operator by) {
            input.by = std::move(by);
            return playbook::verify_target(std::move(input));
        },
        options
    );
    const auto written = write_textfile(options, metrics_of(end, name, target), context);
    if (!end) {
        return std::unexpected(end.error());
    }
    const std::string changed = compare_with_last(*end, context);
    const ExitCode exit = show_run(*end, context, options);
    const bool silent = context.json || (context.quiet && exit == ExitCode::ok);
    if (!silent) {
        constexpr std::size_t k_mail = 80; // cron mails the output
        show_text(changed, context, k_mail);
    }
    if (!written) { // the run keeps its verdict, but an unreported PASS does not count
        context.err(fmt::format("oa-stream: {}\n", written.error().text()));
        return exit == ExitCode::ok ? ExitCode::not_executed : exit;
    }
    return exit;
}

constexpr auto k_positionals = positionals<Options>(
    playbook_word(
        "A playbook that only checks: a name or a file. Default: steady-state.",
        playbook::k_verified_kinds
    )
        .optional()
);
constexpr auto k_options =
    options<Options>(k_set, k_stated_budget, k_no_probes, k_live, k_run_access, k_textfile);

} // namespace

const CommandSpec verify_command = command<run>({
    .path = "verify",
    .summary = "Verify a live target; quiet on PASS without a terminal.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream verify --set base_url=https://chat.example.org",
            "oa-stream verify --set base_url=https://chat.example.org --textfile "
            "/var/cache/oa-stream/v.prom",
            "oa-stream verify --set base_url=https://chat.example.org --auth "
            "file:/etc/oa-stream/token",
            "oa-stream verify smoke-stream --set base_url=http://127.0.0.1:8080 --json",
        },
    .leaves_run = true,
    .about =
        R"(Runs a playbook that only checks; the default is `steady-state`. It is made for timers: without a terminal it
prints nothing on PASS, so cron sends mail only when something is wrong. `--textfile` also leaves the result
where node_exporter collects it, so that an alert can notice a timer that stopped.)",
    .also = "weekly cron health",
    .exits = exits::k_judges,
});

} // namespace oa_stream::cli
