// config show and schema: the values that a command would use and their origin, and the keys of a
// config file.
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/text.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "core/layers.hpp"
#include "manual/config_schema.hpp"
#include "screen/shown.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace oa_stream::cli {
namespace {

struct Options {
    std::string command{};
    bool origin = false;
};
constexpr auto k_for =
    option<&Options::command>(
        "--for", "COMMAND", "Show the options of this command, like \"smoke stream\"."
    )
        .offering(Offer::pages)
        .or_else("serve");

Result<const CommandSpec*> command_called(const std::string& name) {
    std::string spaced = name;
    std::ranges::replace(spaced, '-', ' ');
    std::vector<std::string_view> names;
    for (const CommandSpec& command : all_commands()) {
        if (command.path == spaced) {
            return &command;
        }
        names.push_back(command.path);
    }
    return fail(
        Code::usage,
        fmt::format("'{}' is not a command", printable(name, 60)),
        std::string(k_for.name),
        did_you_mean(spaced, names, main_help() + " lists them")
    );
}

std::string value_of(const Setting& setting) {
    return setting.values.empty() ? "on" : fmt::format("{}", fmt::join(setting.values, ", "));
}

std::string origin_of(const Setting& setting) {
    return setting.where.empty() ? std::string(to_string(setting.layer))
                                 : fmt::format("{} {}", to_string(setting.layer), setting.where);
}

Json document_of(
    const CommandSpec& command, const std::vector<Setting>& settings, const std::string& file
) {
    Json out = plain_answer();
    out["command"] = command.path;
    out["file"] = file.empty() ? Json(nullptr) : Json(file);
    out["settings"] = json_list(settings, [&](const Setting& setting) {
        return Json{
            {"option", setting.option},
            {"values", setting.values},
            {"layer", to_string(setting.layer)},
            {"where", setting.where.empty() ? Json(nullptr) : Json(setting.where)},
            {"variable", variable_of(command.path, setting.option)},
        };
    });
    return out;
}

std::string table_of(const std::vector<Setting>& settings, bool with_origin) {
    std::size_t name = 0;
    std::size_t value = 0;
    for (const Setting& setting : settings) {
        name = std::max(name, setting.option.size());
        value = std::max(value, std::min<std::size_t>(value_of(setting).size(), 48));
    }
    std::string out;
    for (const Setting& setting : settings) {
        out += with_origin ? fmt::format(
                                 "{:<{}}  {:<{}}  {}\n",
                                 setting.option,
                                 name,
                                 value_of(setting),
                                 value,
                                 origin_of(setting)
                             )
                           : fmt::format("{:<{}}  {}\n", setting.option, name, value_of(setting));
    }
    return out;
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(const CommandSpec* command, command_called(options.command));
    Invocation asked;
    asked.command = command;
    if (const auto& file = context.globals.config; !file.empty()) {
        asked.globals.given[std::string(k_config.name)] = {file};
    }
    OA_TRY(const auto config, find_config(asked, context.env));
    if (config && !config->mistakes().empty()) { // for other commands these are warnings
        return std::unexpected(config->mistakes().front().error);
    }
    asked.globals.given.clear();
    OA_TRY(auto all, apply_layers(asked, config, context.env));
    const auto settings = without_secrets(std::move(all), *command);
    const std::string file = config ? config->name() : "";
    Redactor redactor; // a URL or a prompt may contain a secret
    redactor.add_environment();
    if (context.json) {
        context.out(
            redactor.apply(dump_json(titled("config", document_of(*command, settings, file)))) +
            "\n"
        );
        return ExitCode::ok;
    }
    show_text(redactor.apply(table_of(settings, options.origin)), context);
    tell_text(
        fmt::format(
            "oa-stream {} takes: flag, then environment, then {}, then default\n",
            command->path,
            file.empty() ? "config file (there is none)" : printable(file)
        ),
        context
    );
    return ExitCode::ok;
}

Result<ExitCode> schema(const NoOptions&, Context& context) {
    context.out(json_document(config_schema()));
    return ExitCode::ok;
}

constexpr auto k_options = options<Options>(
    k_for, flag<&Options::origin>("--origin", "Show where each value comes from.")
);

} // namespace

const CommandSpec config_show_command = command<run>({
    .path = "config show",
    .summary = "Show the values that a command would use, and the origin of each.",
    .options = k_options,
    .examples =
        {
            "oa-stream config show --origin",
            "oa-stream config show --for smoke-stream --origin --json",
        },
    .about =
        R"(Shows the value of each option of a command and, with `--origin`, where it comes from: command line,
environment, config file or default.)",
    .also = "config settings",
});

const CommandSpec config_schema_command = command<schema>({
    .path = "config schema",
    .summary = "Print the JSON Schema of the config file.",
    .examples = {"oa-stream config schema > config.schema.json"},
    .about = R"(Prints the JSON Schema that editors check the config file with.)",
});

} // namespace oa_stream::cli
