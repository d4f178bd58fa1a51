// runs gc: frees space, but never deletes a run that is still needed.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/run/runs_gc.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/suggestion.hpp"
#include "runs_args.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::cli {
namespace {

using run::GcRules;
using run::GcStep;
using run::RunEntry;

struct Options {
    GcRules rules{};
    bool apply = false;
};

/// Result of each step.
struct Outcome {
    std::vector<std::string> failed{};
    std::uint64_t freed = 0;
    std::size_t removed = 0;
};

Outcome carry_out(std::vector<GcStep>& steps) {
    Outcome out;
    for (GcStep& step : steps) {
        if (!step.goes) {
            continue;
        }
        const auto removed = run::remove_run(step.run.folder);
        if (removed) {
            ++out.removed;
            out.freed += step.run.bytes;
            continue;
        }
        step.goes = removed.error().code == Code::not_found; // another gc was faster
        step.why = removed.error().message;
        if (removed.error().code == Code::io) {
            out.failed.push_back(removed.error().text());
        }
    }
    return out;
}

Json step_json(const GcStep& step) {
    return {
        {"id", step.run.id},
        {"bytes", step.run.bytes},
        {"started_at", step.run.started_at},
        {"why", step.why},
    };
}

std::uint64_t bytes_of(const std::vector<GcStep>& steps, const Outcome& done, bool apply) {
    std::uint64_t going = 0;
    for (const GcStep& step : steps) {
        going += step.goes ? step.run.bytes : 0;
    }
    return apply ? done.freed : going;
}

Json document_of(const std::vector<GcStep>& steps, const Outcome& done, bool apply) {
    Json out = plain_document(nullptr, done.failed.empty() ? Verdict::pass : Verdict::error);
    out["applied"] = apply;
    out["removed"] = Json::array();
    out["kept"] = Json::array();
    for (const GcStep& step : steps) {
        out[step.goes ? "removed" : "kept"].push_back(step_json(step));
    }
    out["bytes"] = bytes_of(steps, done, apply);
    out["errors"] = done.failed;
    return out;
}

void tell_person(
    const std::vector<GcStep>& steps, const Outcome& done, bool apply, Context& context
) {
    std::size_t ids = 0;
    for (const GcStep& step : steps) {
        ids = std::max(ids, step.run.id.size());
    }
    std::string rows;
    for (const GcStep& step : steps) {
        if (step.goes || !step.why.empty()) {
            rows += fmt::format(
                "{:<8}  {:<{}}  {:>8}  {}\n",
                step.goes ? (apply ? "removed" : "would go") : "stays",
                step.run.id,
                ids,
                run::size_text(step.run.bytes),
                step.why
            );
        }
    }
    show_text(rows, context);
    const std::string what = fmt::format(
        "{} of {}, {}, in {}",
        std::ranges::count_if(steps, &GcStep::goes),
        counted(steps.size(), "run"),
        run::size_text(bytes_of(steps, done, apply)),
        context.state_dir.string()
    );
    const Typed typed{context.command, context.given};
    const auto next = typed_here(Advice(typed.with(names::apply)), context);
    tell_text(
        apply ? fmt::format("removed {}\n", what)
              : fmt::format(
                    "would remove {}; nothing was removed. To remove: {}\n", what, next.text()
                ),
        context
    );
}

Result<ExitCode> run(const Options& options, Context& context) {
    const auto& [rules, apply] = options;
    if (!rules.older_than && !rules.keep && !rules.max_size) {
        return fail(
            Code::usage,
            "no rule selects the runs to remove",
            {},
            "give --older-than 30d, --keep 20 or --max-size 2GB; without --apply nothing is removed"
        );
    }
    const auto needed = [&](const RunEntry& one) -> std::optional<std::string> {
        const auto left = unfinished(one, context);
        return left ? std::optional((left->why + ": " + left->next).text()) : std::nullopt;
    };
    OA_TRY(auto runs, run::list_runs(context.state_dir));
    auto steps = run::plan_gc(std::move(runs), rules, needed, std::chrono::system_clock::now());
    Outcome done;
    if (apply) {
        (void)run::sweep_removed(context.state_dir);
        done = carry_out(steps);
    }
    if (context.json) {
        print_document("runs-gc", document_of(steps, done, apply), context);
    } else if (!apply || !context.quiet) {
        tell_person(steps, done, apply, context);
    }
    for (const std::string& error : done.failed) {
        context.err(error + "\n");
    }
    return done.failed.empty() ? ExitCode::ok : ExitCode::not_executed;
}

/// A forgotten unit would mean bytes, too few for any run.
Result<std::uint64_t> read_max_size(std::string_view text) {
    if (number_of<double>(text)) {
        return fail(
            Code::usage,
            fmt::format("'{}' is not a size", printable(text, 40)),
            {},
            "a number and a unit: 500MB, 2GB"
        );
    }
    return config::read_size(text);
}

constexpr auto k_options = options<Options>(
    option<&Options::rules, &GcRules::older_than>(
        names::older_than, "D", "Remove runs that started longer ago: 30d."
    ),
    option<&Options::rules, &GcRules::keep>(
        "--keep", "N", "Keep the newest N runs. Alone: remove all others."
    )
        .range(0, 1'000'000),
    parsed<read_max_size, &Options::rules, &GcRules::max_size>(
        "--max-size", "SIZE", "Remove the oldest runs until the rest fits: 2GB."
    ),
    flag<&Options::apply>("--apply", "Remove them. Without it they are only listed.").typed()
);

} // namespace

const CommandSpec runs_gc_command = command<run>({
    .path = "runs gc",
    .summary = "Remove old runs, except those that are running, pinned or not rolled back yet.",
    .options = k_options,
    .examples =
        {
            "oa-stream runs gc --older-than 30d",
            "oa-stream runs gc --older-than 30d --keep 20 --apply",
            "oa-stream runs gc --max-size 2GB --apply",
        },
    .reads_runs = true,
    .about =
        R"(Removes old runs. Runs that are under way, pinned, or left something undone always stay. Without `--apply`
it lists what would go.)",
    .also = "clean cleanup prune delete",
});

} // namespace oa_stream::cli
