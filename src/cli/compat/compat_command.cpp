// compat: maps the names of the retired scripts to the commands that replaced them.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/suggest.hpp"

#include "compat_rows.hpp"
#include "core/commands.hpp"
#include "core/context.hpp"
#include "core/document.hpp"
#include "core/globals.hpp"
#include "core/layers.hpp"
#include "core/parse.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace oa_stream::cli {

namespace {

struct Options {
    std::optional<std::string> script{};
    std::vector<std::string> args{};
    std::optional<std::string> link{};
    bool markdown = false;
    std::optional<std::string> emit{};
};
constexpr std::array<std::string_view, 1> k_emits{"openagents-v1"};
constexpr std::string_view k_output_dir = "OUTPUT_DIR";

bool known(const std::vector<std::string>& words) {
    return std::ranges::any_of(all_commands(), [&](const CommandSpec& command) {
        return command.path == words.front() ||
               (words.size() > 1 && command.path == words[0] + " " + words[1]);
    });
}

Json scripts_document() {
    Json out = plain_answer();
    for (const RetiredScript& script : retired_scripts()) {
        out["scripts"].push_back(script.name);
    }
    return out;
}

Result<ExitCode> list(const Context& context) {
    if (context.json) {
        print_document("compat", scripts_document(), context);
        return ExitCode::ok;
    }
    constexpr int k_both = 80; // columns needed to show a script and its replacement side by side
    const bool narrow = context.out_tty && context.width < k_both;
    for (const RetiredScript& script : retired_scripts()) {
        const auto row = narrow ? fmt::format("{}\n  {}\n", script.name, script.now)
                                : fmt::format("{:<42}  {}\n", script.name, script.now);
        show_text(row, context);
    }
    return ExitCode::ok;
}

Result<ExitCode> link(const std::filesystem::path& folder, const Context& context) {
    OA_CHECK(make_dirs(folder));
    Json links = Json::array();
    for (const RetiredScript& script : retired_scripts()) {
        const auto path = folder / script.name;
        std::error_code error;
        std::filesystem::create_symlink(context.program, path, error);
        if (error) {
            return fail(
                Code::io,
                fmt::format("no link: {}", error.message()),
                path.string(),
                "an empty folder"
            );
        }
        links.push_back(path.string());
        if (!context.json) {
            context.out(path.string() + "\n");
        }
    }
    if (context.json) {
        Json out = scripts_document();
        out["links"] = std::move(links);
        print_document("compat", out, context);
    }
    return ExitCode::ok;
}

/// The run to roll back. Open runs of other services or drivers are ignored.
Result<std::string> run_of(const OldService& service, const Context& context) {
    OA_TRY(auto runs, playbook::unfinished_statuses(context.state_dir));
    std::erase_if(runs, [&](const auto& one) { return !service.is(one.target); });
    if (runs.size() == 1) {
        return runs.front().run;
    }
    const std::string where =
        printable(fmt::format("{}/{}/{}", service.project, service.region, service.service));
    return fail(
        Code::usage,
        runs.empty()
            ? fmt::format("no run here that is not over moves the service {}", where)
            : fmt::format("{} runs that are not over move the service {}", runs.size(), where),
        {},
        Suggestion{"cutover status"} + " lists the runs; " +
            run::suggest_rollback(std::string(k_fill_in)) + " rolls one back"
    );
}

/// Parses the words as if they were typed, with the environment's and config file's values for
/// their command.
Result<Invocation> invocation_of(const Words& words, const Context& context) {
    OA_TRY(Invocation out, parse_command_line(words));
    if (!context.globals.config.empty()) {
        out.globals.given[std::string(k_config.name)] = {context.globals.config};
    }
    OA_TRY(const auto config, find_config(out, context.env));
    OA_CHECK(apply_layers(out, config, context.env));
    return out;
}

/// The output folder, for a script that accepts one. Other scripts act on what earlier runs left
/// there.
std::optional<std::string> output_dir(const RetiredScript& script, const Context& context) {
    const bool takes = contains(mapped(script.env, &OldVariable::name), k_output_dir);
    return takes ? context.env(k_output_dir) : std::nullopt;
}

/// Removes an earlier call's summary, so that it is not mistaken for this call's, which may be
/// refused.
Result<void> begin_emit(const RetiredScript& script, const Context& context) {
    const auto folder = output_dir(script, context);
    if (!folder || script.emits.empty()) {
        return fail(
            Code::usage,
            script.emits.empty() ? fmt::format("{} wrote no summary", script.name)
                                 : "OUTPUT_DIR is not set",
            names::emit
        );
    }
    for (const std::string_view name : k_old_files) {
        const auto file = std::filesystem::path(*folder) / name;
        std::error_code error;
        std::filesystem::remove(file, error);
        if (error) {
            return fail(
                Code::io,
                "cannot remove the summary of an earlier call: " + error.message(),
                file.string()
            );
        }
    }
    return {};
}

/// The exit code of a call that ended with `exit`. If the summary cannot be written the result is
/// no PASS.
Result<ExitCode> emitted(
    ExitCode exit,
    const RetiredScript& script,
    const OldCall& call,
    const std::filesystem::path& folder,
    const Context& context
) {
    if (context.evidence.empty()) {
        tell_text(
            fmt::format(
                "oa-stream: {}: this call left no run, so there is no summary\n", names::emit
            ),
            context
        );
        return exit;
    }
    const auto written = emit_old_summary(script, call, folder, context.evidence);
    if (!written && exit == ExitCode::ok) {
        return std::unexpected(written.error());
    }
    if (!written) {
        tell_text(fmt::format("oa-stream: {}\n", written.error().text()), context);
    }
    return exit;
}

/// Prints everything before it starts anything.
Result<ExitCode> carry_out(
    const RetiredScript& script, const OldCall& call, Replacement now, bool emit, Context& context
) {
    if (now.takes_back) {
        OA_TRY(const std::string run, prefixed(run_of(*now.takes_back, context), script.name));
        now.words.insert(now.words.end(), {names::run, run});
    }
    tell_text(
        fmt::format(
            "oa-stream: {} is now: {}\n",
            script.name,
            Suggestion{.command = {}, .arguments = now.words}.text()
        ),
        context
    );
    for (const std::string& note : now.notes) {
        tell_text(fmt::format("oa-stream: note: {}\n", note), context);
    }
    if (!known(now.words)) {
        return fail(
            Code::usage,
            fmt::format(
                "oa-stream {} is not in this release, and nothing was started", now.words.front()
            ),
            std::string(script.name)
        );
    }
    OA_TRY(const Invocation invocation, invocation_of(now.words, context));
    Context inner = context;
    const auto folder = output_dir(script, context);
    if (folder) {
        inner.state_dir = std::filesystem::absolute(*folder);
        inner.state_words = state_words(inner.state_dir);
    }
    inner.argv = std::move(now.words);
    inner.argv.insert(inner.argv.begin(), "oa-stream");
    inner.command = invocation.command;
    inner.given = invocation.args;
    const auto exit = invocation.command->run(invocation.args, inner);
    context.evidence = inner.evidence;
    context.report_name = inner.report_name;
    return emit && exit && folder ? emitted(*exit, script, call, *folder, context) : exit;
}

constexpr auto k_markdown =
    flag<&Options::markdown>("--markdown", "Print the page of all scripts and their variables.");

Result<ExitCode> run(const Options& options, Context& context) {
    if (options.markdown) {
        OA_CHECK(refuse_json(context, k_markdown.name));
        context.out(compat_page());
        return ExitCode::ok;
    }
    if (options.link) {
        return link(*options.link, context);
    }
    const auto& name = options.script;
    if (!name) {
        return list(context);
    }
    const RetiredScript* script = find_retired(*name);
    if (script == nullptr) {
        const auto names = mapped(retired_scripts(), &RetiredScript::name);
        return fail(
            Code::usage,
            fmt::format("'{}' is not a retired script", printable(*name, 60)),
            "SCRIPT",
            did_you_mean(*name, names, Suggestion{"compat"} + " lists them")
        );
    }
    if (options.emit) {
        OA_CHECK(begin_emit(*script, context));
    }
    const OldCall call(options.args, context.env);
    OA_TRY(auto now, prefixed(script->map(call), script->name));
    return carry_out(*script, call, std::move(now), options.emit.has_value(), context);
}

constexpr auto k_positionals = positionals<Options>(
    positional<&Options::script>("SCRIPT", "A retired script's name. Without it all are listed.")
        .offering(Offer::scripts)
        .optional(),
    positional<&Options::args>("ARG", "The script's own arguments.").optional().up_to(4)
);
constexpr auto k_options = options<Options>(
    option<&Options::link>("--link", "DIR", "Make a link with each script's name in this folder."),
    option<&Options::emit>(
        "--emit",
        k_emits,
        "Also write summary.json and SUMMARY.md into OUTPUT_DIR, as the scripts did."
    ),
    k_markdown
);

} // namespace

const CommandSpec compat_command = command<run>({
    .path = "compat",
    .summary = "Run the command that replaces a retired script, with the script's environment.",
    .positionals = k_positionals,
    .options = k_options,
    .examples =
        {
            "oa-stream compat smoke-control.sh",
            "oa-stream compat run-production-stream-cutover.sh app-00041 app-00042",
            "oa-stream compat --link bin",
        },
    .leaves_run = true,
    .about =
        R"(Runs the command that took the place of a retired script, with that script's arguments and environment,
and prints that command. It refuses scripts that moved traffic without a rollback, and names what to use
instead.)",
    .exits = exits::k_shows_and_moves,
});

} // namespace oa_stream::cli
