#include "layers.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/yaml.hpp"
#include "oa_stream/net/secret_header.hpp"
#include "oa_stream/net/token_source.hpp"

#include "suggestion.hpp"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace oa_stream::cli {
namespace {

constexpr std::string_view k_all = "all";
constexpr std::uint64_t k_most_bytes = 1'000'000;

/// A config file may use a command's name of earlier releases; nullptr: no such command.
const CommandSpec* command_called(std::string_view name) {
    return find_if_or_null(all_commands(), [&](const CommandSpec& one) {
        return one.is_called(name);
    });
}

std::span<const OptionSpec> options_of(std::string_view section) {
    if (section == k_all) {
        return global_options();
    }
    const CommandSpec* command = command_called(section);
    return command == nullptr ? std::span<const OptionSpec>{} : command->options;
}

std::vector<std::string_view> section_names() {
    auto out = mapped(all_commands(), &CommandSpec::path);
    out.insert(out.begin(), {"version", k_all});
    return out;
}

/// "all" or the path of a command, resolving former and misspelt names.
std::string section_meant(std::string_view name) {
    const CommandSpec* command = command_called(name);
    const auto near = nearest(name, section_names()).value_or(name);
    return std::string(command == nullptr ? near : command->path);
}

/// "smoke" is not a section; it is taken to mean each command of that family.
bool is_meant(std::string_view section, const CommandSpec& command) {
    return section == command.path || command.path.starts_with(fmt::format("{} ", section));
}

/// Reads one section; stops at the first mistake.
class FileReader {
public:
    explicit FileReader(std::string_view file) : file_(file) {}

    [[nodiscard]] Result<Setting>
    setting(std::string_view command, const config::YamlEntry& entry) const {
        const std::string option = std::string(names::mark) + entry.key;
        const auto specs = options_of(command);
        const auto spec = std::ranges::find_if(specs, [&](const OptionSpec& one) {
            return one.long_name() == option || one.formerly == option;
        });
        if (spec == specs.end()) {
            return unknown_option(entry, specs);
        }
        if (spec->typed_only) {
            return refuse(entry.at, fmt::format("{} is only taken from the command line", option));
        }
        Setting out{
            std::string(spec->long_name()), {}, Layer::file, config::where(file_, entry.at)
        };
        OA_TRY(out.values, values(*spec, entry));
        return out;
    }

    [[nodiscard]] std::unexpected<Error>
    refuse(config::Position at, std::string message, Advice hint = {}) const {
        return fail(Code::config, std::move(message), config::where(file_, at), std::move(hint));
    }

private:
    [[nodiscard]] std::unexpected<Error>
    unknown_option(const config::YamlEntry& entry, std::span<const OptionSpec> specs) const {
        const auto known =
            mapped(specs, [](const OptionSpec& spec) { return spec.long_name().substr(2); });
        return refuse(
            entry.at,
            fmt::format("unknown key '{}'", printable(entry.key, 60)),
            did_you_mean(entry.key, known, main_help() + " lists them")
        );
    }

    [[nodiscard]] Result<std::vector<std::string>>
    values(const OptionSpec& spec, const config::YamlEntry& entry) const {
        using config::YamlKind;
        const config::YamlNode& value = entry.value;
        if (spec.is_flag()) {
            if (value.kind == YamlKind::scalar && value.text == "true") {
                return std::vector<std::string>{};
            }
            return refuse(
                value.at, fmt::format("{} is a flag", entry.key), "true, or leave it out"
            );
        }
        if (value.kind == YamlKind::scalar) {
            return std::vector{value.text};
        }
        if (value.kind != YamlKind::list || !spec.repeats || value.items.empty()) {
            return refuse(
                value.at,
                fmt::format(
                    "{} is {}, expected {}",
                    entry.key,
                    config::to_string(value.kind),
                    spec.repeats ? "a text or a list of texts" : "a text"
                )
            );
        }
        std::vector<std::string> out;
        for (const config::YamlNode& item : value.items) {
            if (item.kind != YamlKind::scalar) {
                return refuse(item.at, fmt::format("{} has an item that is not a text", entry.key));
            }
            out.push_back(item.text);
        }
        return out;
    }

    std::string_view file_;
};

Result<void> check_version(const FileReader& reader, const config::YamlNode& root) {
    const config::YamlNode* version = root.find("version");
    if (version == nullptr) {
        return reader.refuse(root.at, "there is no version", "version: 1");
    }
    if (version->text != "1") {
        return reader.refuse(version->at, "this release reads version 1", "version: 1");
    }
    return {};
}

/// Options for a worker mean the same everywhere: they also have a variable for all commands.
constexpr std::array k_shared{
    std::string_view(names::worker_control),
    std::string_view(names::worker_id),
    std::string_view(names::khala_url)
};

/// An option's value in the environment; unset when the variable is not set.
Result<std::optional<Setting>>
from_environment(std::string_view command, const OptionSpec& spec, const Environment& env) {
    const std::string option(spec.long_name());
    std::string variable = variable_of(command, option);
    auto value = env(variable);
    if (!value && !spec.formerly.empty()) {
        variable = variable_of(command, spec.formerly);
        value = env(variable);
    }
    if (!value && contains(k_shared, option)) {
        variable = variable_of(k_all, option);
        value = env(variable);
    }
    if (!value || spec.typed_only) {
        return std::nullopt;
    }
    if (!spec.is_flag()) {
        return Setting{option, {*value}, Layer::environment, variable};
    }
    if (*value == "0" || *value == "false") { // overrides a farther layer that has it on
        return Setting{option, {"off"}, Layer::environment, variable};
    }
    if (*value != "1" && *value != "true") {
        return fail(
            Code::config,
            fmt::format("'{}' is neither on nor off", printable(*value, 40)),
            variable,
            "1 or 0"
        );
    }
    return Setting{option, {}, Layer::environment, variable};
}

struct Sources {
    const std::optional<ConfigFile>* config;
    const Environment* env;
};

Result<void> settle(
    std::string_view command,
    std::span<const OptionSpec> specs,
    Args& args,
    const Sources& sources,
    std::vector<Setting>& out
) {
    for (const OptionSpec& spec : specs) {
        const std::string option(spec.long_name());
        if (const auto given = args.given.find(option); given != args.given.end()) {
            out.push_back({option, given->second, Layer::flag, {}});
            continue;
        }
        OA_TRY(auto setting, from_environment(command, spec, *sources.env));
        if (!setting && *sources.config) {
            const Setting* found = (*sources.config)->find(command, option);
            setting = found == nullptr ? std::nullopt : std::optional(*found);
        }
        if (setting) {
            if (!spec.is_flag() || setting->values.empty()) { // otherwise the flag is off
                args.given[option] = setting->values;
            }
            out.push_back(*std::move(setting));
        } else if (!spec.shown_default().empty()) {
            out.push_back({option, {std::string(spec.shown_default())}, Layer::fallback, {}});
        }
    }
    return {};
}

} // namespace

std::string_view to_string(Layer layer) noexcept {
    static constexpr std::array<std::string_view, 4> k_words{
        "flag", "environment", "file", "default"
    };
    return enum_word<Layer::fallback>(k_words, layer);
}

Result<ConfigFile> ConfigFile::parse(std::string_view text, std::string_view file) {
    const FileReader reader(file);
    OA_TRY(const config::YamlNode root, config::parse_yaml(text, file));
    if (root.kind != config::YamlKind::map) {
        return reader.refuse(root.at, "a config file is a mapping", "version: 1");
    }
    OA_CHECK(check_version(reader, root));
    ConfigFile out;
    out.file_ = file;
    for (const config::YamlEntry& section : root.entries) {
        if (section.key == "version") {
            continue;
        }
        if (auto taken = out.add_section(section); !taken) {
            out.mistakes_.push_back({section_meant(section.key), std::move(taken).error()});
        }
    }
    return out;
}

Result<void> ConfigFile::add_section(const config::YamlEntry& section) {
    const FileReader reader(file_);
    const CommandSpec* command = command_called(section.key);
    if (section.key != k_all && command == nullptr) {
        return reader.refuse(
            section.at,
            fmt::format("'{}' is not a command", printable(section.key, 60)),
            did_you_mean(section.key, section_names(), main_help() + " lists them")
        );
    }
    if (section.value.kind != config::YamlKind::map) {
        return reader.refuse(
            section.value.at,
            fmt::format(
                "{} is {}, expected a mapping", section.key, config::to_string(section.value.kind)
            ),
            "option: value"
        );
    }
    auto& settings = settings_[section_meant(section.key)];
    for (const config::YamlEntry& entry : section.value.entries) {
        OA_TRY(Setting setting, reader.setting(section.key, entry));
        const std::string option = setting.option;
        settings.emplace(option, std::move(setting));
    }
    return {};
}

const Setting* ConfigFile::find(std::string_view command, std::string_view option) const {
    const auto section = settings_.find(command);
    if (section == settings_.end()) {
        return nullptr;
    }
    const auto setting = section->second.find(std::string(option));
    return setting == section->second.end() ? nullptr : &setting->second;
}

std::string home_in(const Environment& env) {
    if (auto set = env("HOME")) {
        return *std::move(set);
    }
    return user_home(::geteuid()).value_or("/nonexistent");
}

Result<std::optional<ConfigFile>>
find_config(const Invocation& invocation, const Environment& env) {
    const auto given = invocation.globals.all(k_config.name);
    constexpr std::string_view k_variable = "OA_STREAM_CONFIG";
    const auto named = given.empty() ? env(k_variable) : std::optional(given.back());
    std::filesystem::path path;
    if (named && named->empty()) {
        return fail(
            Code::usage, "the name of the file is empty", std::string(k_config.name), "a path"
        );
    }
    if (named) {
        path = *named;
    } else {
        const auto folder = env("XDG_CONFIG_HOME");
        path = folder ? std::filesystem::path(*folder)
                      : std::filesystem::path(home_in(env)) / ".config";
        path /= "oa-stream/config.yaml";
        const auto there = look_for(path);
        if (!there && invocation.command != nullptr && invocation.command->serves) {
            return std::unexpected(there.error());
        }
        if (!there) {
            return std::optional(ConfigFile::unknown(there.error()));
        }
        if (!*there) {
            return std::nullopt;
        }
    }
    OA_TRY(const std::string text, read_file(path, k_most_bytes));
    if (std::error_code e; text.empty() && std::filesystem::is_character_file(path, e)) {
        return std::nullopt;
    }
    OA_TRY(ConfigFile config, ConfigFile::parse(text, path.string()));
    for (const auto& [section, error] : config.mistakes()) {
        const bool own = invocation.command != nullptr && is_meant(section, *invocation.command);
        if (own || section == k_all) {
            return std::unexpected(error);
        }
    }
    return std::optional(std::move(config));
}

std::string variable_of(std::string_view command, std::string_view option) {
    const auto globals = global_options();
    const bool global = command == k_all || contains(globals, option, &OptionSpec::long_name);
    const std::string section = global ? "" : std::string(command) + '_';
    std::string out = to_upper(fmt::format("OA_STREAM_{}{}", section, option.substr(2)));
    std::ranges::replace_if(out, [](char c) { return c == '-' || c == ' '; }, '_');
    return out;
}

Result<std::vector<Setting>> apply_layers(
    Invocation& invocation, const std::optional<ConfigFile>& config, const Environment& env
) {
    std::vector<Setting> out;
    const Sources sources{&config, &env};
    if (const CommandSpec* command = invocation.command; command != nullptr) {
        OA_CHECK(settle(command->path, command->options, invocation.args, sources, out));
    }
    OA_CHECK(settle(k_all, global_options(), invocation.globals, sources, out));
    return out;
}

namespace {

constexpr std::string_view k_hidden = "********";

void hide(std::string& value, std::string_view form) {
    if (form.ends_with("REF") && !is_reference(value, form)) {
        value = k_hidden;
        return;
    }
    const std::size_t colon = value.find(':');
    const bool header = form.starts_with("'NAME:") && colon != std::string::npos;
    if (header && net::is_secret_header(trim(std::string_view(value).substr(0, colon))) &&
        !net::is_token_reference(trim(std::string_view(value).substr(colon + 1)))) {
        value = fmt::format("{}: {}", value.substr(0, colon), k_hidden);
    }
}

} // namespace

std::vector<Setting> without_secrets(std::vector<Setting> settings, const CommandSpec& command) {
    for (Setting& setting : settings) {
        const auto spec = std::ranges::find_if(command.options, [&](const OptionSpec& one) {
            return one.long_name() == setting.option;
        });
        if (spec != command.options.end()) {
            for (std::string& value : setting.values) {
                hide(value, spec->value_name());
            }
        }
    }
    return settings;
}

} // namespace oa_stream::cli
