// runs gc: makes room, and never at the cost of a run that somebody still needs.
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/runs_gc.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {
namespace {

using run::GcRules;
using run::GcStep;
using run::RunEntry;

Result<GcRules> parse(const Args& args) {
    GcRules out;
    if (const auto age = args.get("--older-than")) {
        OA_TRY(out.older_than, parse_duration(*age));
    }
    if (const auto keep = args.get("--keep")) {
        constexpr std::uint64_t k_most = 1'000'000;
        OA_TRY(out.keep, parse_count(*keep, 0, k_most));
    }
    if (const auto size = args.get("--max-size")) {
        OA_TRY(out.max_size, run::parse_size(*size));
    }
    if (!out.older_than && !out.keep && !out.max_size) {
        return fail(
            Code::usage,
            "which runs may go?",
            {},
            "--older-than 30d, --keep 20 or --max-size 2GB; without --apply nothing is removed"
        );
    }
    return out;
}

/// What became of each step.
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
    Json out = plain_document(done.failed.empty() ? "PASS" : "ERROR");
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
    for (const GcStep& step : steps) {
        if (step.goes || !step.why.empty()) {
            context.out(fmt::format(
                "{:<7} {:<48} {:>9}  {}\n",
                step.goes ? (apply ? "removed" : "would") : "stays",
                step.run.id,
                run::size_text(step.run.bytes),
                step.why
            ));
        }
    }
    const std::string what = fmt::format(
        "{} of {} runs, {}, in {}",
        std::ranges::count_if(steps, &GcStep::goes),
        steps.size(),
        run::size_text(bytes_of(steps, done, apply)),
        context.state_dir.string()
    );
    context.err(
        apply ? fmt::format("removed {}\n", what)
              : fmt::format("would remove {}; nothing was removed, --apply does it\n", what)
    );
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(const GcRules rules, parse(args));
    const auto needed = [&](const RunEntry& one) -> std::optional<std::string> {
        const auto left = unfinished(one, context);
        return left ? std::optional(left->why + ": " + left->next) : std::nullopt;
    };
    OA_TRY(auto runs, run::list_runs(context.state_dir));
    auto steps = run::plan_gc(std::move(runs), rules, needed, std::chrono::system_clock::now());
    const bool apply = args.has("--apply");
    Outcome done;
    if (apply) {
        (void)run::sweep_removed(context.state_dir);
        done = carry_out(steps);
    }
    if (context.json) {
        print_document("runs-gc", document_of(steps, done, apply), context);
    } else {
        tell_person(steps, done, apply, context);
    }
    for (const std::string& error : done.failed) {
        context.err(error + "\n");
    }
    return done.failed.empty() ? ExitCode::ok : ExitCode::not_executed;
}

constexpr std::array k_options{
    OptionSpec{"--older-than", "D", "Runs that began longer ago may go: 30d."},
    OptionSpec{"--keep", "N", "The newest N stay; alone: all others may go."},
    OptionSpec{"--max-size", "SIZE", "The oldest may go until the rest fits: 2GB."},
    OptionSpec{"--apply", "", "Remove them; without it they are only named."},
};
constexpr std::array<std::string_view, 3> k_examples{
    "oa-stream runs gc --older-than 30d",
    "oa-stream runs gc --older-than 30d --keep 20 --apply",
    "oa-stream runs gc --max-size 2GB --apply",
};

} // namespace

const CommandSpec runs_gc_command{
    .path = "runs gc",
    .summary = "Remove old runs: never one that runs, is pinned, or is still to be taken back.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli
