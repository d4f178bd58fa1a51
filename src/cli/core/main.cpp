#include "oa_stream/base/json.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/output.hpp"
#include "oa_stream/base/text.hpp"

#include "compat/compat_scripts.hpp"
#include "context.hpp"
#include "deliver.hpp"
#include "document.hpp"
#include "layers.hpp"
#include "manual/complete.hpp"
#include "manual/help.hpp"
#include "parse.hpp"
#include "suggestion.hpp"
#include "version.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <exception>

namespace oa_stream::cli {

namespace {

/// Prints one line to stderr.
void say(std::string_view text) {
    const bool terminal = ::isatty(STDERR_FILENO) == 1;
    const auto columns = terminal ? static_cast<std::size_t>(terminal_width()) : 0;
    write_diagnostic(laid_out(fmt::format("oa-stream: {}\n", text), {columns, false}));
}

/// With --json also prints the document that every command promises. A misplaced word may be a
/// token and is quoted in the message, so the message is redacted.
int report(const Error& error, bool json) {
    const std::string text = said_aloud(error);
    say(text);
    if (json) {
        Json document = plain_answer(Verdict::error);
        document["error"]["code"] = to_string(error.code);
        document["error"]["message"] = text;
        write_result(dump_json(titled("error", document)) + "\n");
    }
    return static_cast<int>(exit_code(error.code));
}

/// Applies environment and config file to what was not typed.
Result<std::vector<Setting>> layer(Invocation& invocation) {
    auto config = find_config(invocation, real_environment);
    if (!config && invocation.command->explains) {
        say("warning: " + said_aloud(config.error()));
        config = std::nullopt;
    }
    if (!config) {
        Error error = std::move(config).error();
        if (error.hint.empty()) {
            error.hint = "to run without a config file: --config /dev/null";
        }
        return std::unexpected(std::move(error));
    }
    if (const std::optional<ConfigFile>& file = *config) {
        for (const ConfigMistake& mistake : file->mistakes()) {
            say("warning: " + said_aloud(mistake.error));
        }
    }
    return apply_layers(invocation, *config, real_environment);
}

/// Names the variable or file of an option that was not typed: "--rate (OA_STREAM_LOAD_RATE)".
void name_origin(Error& error, const std::vector<Setting>& settings) {
    const Setting* found = find_or_null(settings, error.where, &Setting::option);
    if (error.code == Code::usage && found != nullptr && !found->where.empty()) {
        error.where += fmt::format(" ({})", found->where);
    }
}

/// The default hint for an error that has none.
Advice usual_hint(Code code, const CommandSpec& command, const Args& args) {
    switch (code) {
    case Code::network:
    case Code::timeout:
    case Code::unavailable:
    case Code::protocol:
    case Code::io:
    case Code::internal:
        return Suggestion{"doctor"};
    case Code::credentials:
        if (contains(command.options, names::auth, &OptionSpec::name)) {
            return "give a token with --auth env:NAME, file:PATH, fd:N or command:PROGRAM";
        }
        return args.all("PLAYBOOK").empty()
                   ? Advice(Suggestion{std::string(command.path), {names::help}})
                   : "`auth` in the playbook says where a token is";
    case Code::precondition:
    case Code::conflict:
        return Suggestion{"cutover status"};
    case Code::config:
        if (const auto playbook = args.all("PLAYBOOK"); !playbook.empty()) {
            return Suggestion{"playbook validate", {printable(playbook.front())}};
        }
        [[fallthrough]];
    default:
        return Suggestion{std::string(command.path), {names::help}};
    }
}

/// Runs the command and delivers its result; returns the exit code.
int carry_out(
    const Invocation& invocation, const std::vector<Setting>& settings, Context& context
) {
    const CommandSpec& command = *invocation.command;
    if (const auto fits = deliverable(context, command); !fits) {
        return report(fits.error(), context.json);
    }
    context.command = &command;
    context.given = invocation.args;
    auto code = command.run(invocation.args, context);
    const auto delivered = deliver(context, command, code ? nullptr : &code.error());
    if (code && !delivered) { // if the result cannot be delivered it is no PASS
        (void)report(delivered.error(), false);
        return *code == ExitCode::ok ? static_cast<int>(exit_code(delivered.error().code))
                                     : static_cast<int>(*code);
    }
    if (code) {
        return static_cast<int>(*code);
    }
    Error error = std::move(code).error();
    name_origin(error, settings);
    if (error.hint.empty()) { // an operator needs a command to run, at least this one
        error.hint = usual_hint(error.code, command, invocation.args);
    }
    error.hint = typed_here(error.hint, context);
    return report(error, context.json);
}

/// Before the words are parsed, decides in which form to report a mistake in them: from the words,
/// environment and config file, as far as readable.
bool asks_json(const std::vector<std::string>& words, const Args& globals = {}) {
    if (contains(words, k_json.name)) {
        return true;
    }
    Invocation asked; // without a command: a mistake in a command's section does not matter here
    asked.globals = globals;
    const auto config = find_config(asked, real_environment);
    (void)apply_layers(asked, config ? *config : std::nullopt, real_environment);
    return asked.globals.has(k_json.name);
}

/// The command that prints the same as --version or --help, for the document.
std::vector<std::string> command_instead_of(const Invocation& asked) {
    std::vector<std::string> out{asked.version ? "version" : "help"};
    std::string_view topic = asked.command != nullptr ? asked.command->path : asked.family;
    while (!topic.empty()) {
        out.emplace_back(cut_until(topic, ' '));
    }
    out.emplace_back(k_json.name);
    return out;
}

/// Whether the result is in a file and was not requested on standard output: the output is then for
/// display only.
bool is_kept(const Context& context) {
    const auto given = [&](const char* name) { return context.given.given.contains(name); };
    const bool filed = context.command->leaves_run ? !context.evidence.empty() : given(names::out);
    return filed && !context.json && !given(names::ndjson);
}

/// `kept`: see is_kept().
int dispatch(int argc, char** argv, bool& kept) {
    std::vector<std::string> words(argv + 1, argv + argc);
    // A link with a retired script's name acts as that script.
    if (const RetiredScript* script = find_retired(argc > 0 ? argv[0] : "")) {
        words.insert(words.begin(), {"compat", std::string(script->name)});
    }
    if (!words.empty() && words.front() == "__complete") { // called by a shell's completion script
        write_result(answer_shell(std::span(words).subspan(1)));
        return 0;
    }
    auto invocation = parse_command_line(words);
    if (!invocation) {
        return report(invocation.error(), asks_json(words));
    }
    if ((invocation->version || invocation->help) && asks_json(words, invocation->globals)) {
        invocation = parse_command_line(command_instead_of(*invocation));
    }
    if (invocation->version) {
        write_result(fmt::format("{} {}\n", k_name, version()));
        return 0;
    }
    if (invocation->help) {
        const auto columns = static_cast<std::size_t>(page_width());
        write_result(
            help_about({invocation->command, invocation->family}, std::min(columns, k_help_columns))
        );
        return 0;
    }
    const auto settings = layer(*invocation);
    if (!settings) {
        return report(settings.error(), asks_json(words, invocation->globals));
    }
    auto context = real_context(*invocation, argc, argv);
    if (!context) {
        name_origin(context.error(), *settings);
        return report(context.error(), asks_json(words, invocation->globals));
    }
    const int code = carry_out(*invocation, *settings, *context);
    kept = context->command != nullptr && is_kept(*context);
    return code;
}

/// A result that could not be delivered is not a success, unless it is also kept in a file.
int exit_code_of_output(int code, bool kept) {
    const auto written = results_written();
    if (written) {
        return code;
    }
    (void)report(written.error(), false);
    const bool good =
        code == static_cast<int>(ExitCode::ok) || code == static_cast<int>(ExitCode::has_changes);
    return good && !kept ? static_cast<int>(exit_code(written.error().code)) : code;
}

} // namespace

int main(int argc, char** argv) {
    hold_standard_streams();
    try {
        bool kept = false;
        const int code = dispatch(argc, argv, kept);
        return exit_code_of_output(code, kept);
    } catch (const std::exception& error) {
        write_diagnostic("oa-stream: broken invariant: ");
        write_diagnostic(error.what());
        write_diagnostic("\n");
        return static_cast<int>(ExitCode::not_executed);
    }
}

} // namespace oa_stream::cli
