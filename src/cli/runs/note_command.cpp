// note: what an operator saw or did, into the timeline of the run that is under way.
#include "oa_stream/run/run_notes.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "runs_args.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {
namespace {

/// The newest that runs; else the newest of all.
Result<run::RunEntry> current_run(const Args& args, const Context& context) {
    if (const auto word = args.get("--run")) {
        return named_run(*word, context);
    }
    OA_TRY(const auto all, run::list_runs(context.state_dir));
    const auto running = std::ranges::find(all, run::RunLife::running, &run::RunEntry::life);
    if (running != all.end()) {
        return *running;
    }
    return named_run("last", context);
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(const auto run, current_run(args, context));
    std::string by = args.get("--by").value_or("");
    for (const char* name : {"USER", "LOGNAME"}) {
        if (by.empty()) {
            by = context.env(name).value_or("");
        }
    }
    OA_TRY(
        const run::Noted noted,
        run::add_note(
            run.folder, args.positional("TEXT").value_or(""), by.empty() ? "operator" : by
        )
    );
    if (context.json) {
        Json out = plain_document("PASS", &run);
        out["note"] = noted.line;
        out["file"] = noted.file;
        print_document("note", out, context);
    } else if (!context.quiet) {
        context.out(fmt::format("noted in {} ({}, {})\n", run.id, to_string(run.life), noted.file));
    }
    return ExitCode::ok;
}

constexpr std::array k_positionals{
    PositionalSpec{"TEXT", "One sentence, in quotes."},
};
constexpr std::array k_options{
    OptionSpec{"--run", "RUN", "Into this run; else the one under way, or the last if none is."},
    OptionSpec{"--by", "NAME", "Who says so; else USER."},
};
constexpr std::array<std::string_view, 2> k_examples{
    "oa-stream note 'pager went off, canary shows 502'",
    "oa-stream note --run last 'it was the cache'",
};

} // namespace

const CommandSpec note_command{
    .path = "note",
    .summary = "Write a line into the timeline of the run that is under way.",
    .positionals = k_positionals,
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli
