// Where an option's value comes from: command line, then environment, then config file, then
// default. The first layer that has the option determines its whole value; lists of several layers
// are not combined.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/config/yaml.hpp"

#include "parse.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

enum class Layer { flag, environment, file, fallback };
[[nodiscard]] std::string_view to_string(Layer layer) noexcept;

struct Setting {
    std::string option;                ///< by its long name
    std::vector<std::string> values{}; ///< empty for a flag that is on, "off" for one that is off
    Layer layer = Layer::fallback;
    std::string where{}; ///< "OA_STREAM_SERVE_LISTEN", "config.yaml:3:5"; empty otherwise
};

/// A mistake in the section of one command, or of "all".
struct ConfigMistake {
    std::string section{}; ///< the section; for a misspelt one, the section that was meant
    Error error{};
};

/// A config file's content. Values of several documents are never merged.
///
///   version: 1
///   all: { state-dir: /var/lib/oa-stream }   # options every command takes
///   smoke stream: { base-url: https://chat.example.org, auth: env:AUTH_TOKEN }
class ConfigFile {
public:
    /// Code::config with file:line:column for text that is not a config file of this version.
    [[nodiscard]] static Result<ConfigFile> parse(std::string_view text, std::string_view file);
    /// For a file that cannot be looked up.
    [[nodiscard]] static ConfigFile unknown(Error why) {
        ConfigFile out;
        out.mistakes_.push_back({{}, std::move(why)});
        return out;
    }

    /// The first mistake in each section: unknown command or option, a value where none belongs, or
    /// an option that is only allowed on the command line. Code::config with file:line:column.
    [[nodiscard]] const std::vector<ConfigMistake>& mistakes() const noexcept { return mistakes_; }

    /// `command`: its path, or "all".
    [[nodiscard]] const Setting* find(std::string_view command, std::string_view option) const;
    [[nodiscard]] const std::string& name() const noexcept { return file_; }

private:
    [[nodiscard]] Result<void> add_section(const config::YamlEntry& section);

    std::string file_;
    std::vector<ConfigMistake> mistakes_;
    std::map<std::string, std::map<std::string, Setting>, std::less<>> settings_;
};

using Environment = std::function<std::optional<std::string>(std::string_view)>;

/// HOME, otherwise this user's home folder: services have no HOME, and any user can create a folder
/// below /tmp.
[[nodiscard]] std::string home_in(const Environment& env);

/// --config, else OA_STREAM_CONFIG, else config.yaml in $XDG_CONFIG_HOME/oa-stream, else in
/// ~/.config/oa-stream; nothing when the last is not there. Code::unreadable for a named file that
/// cannot be read.
///
/// Mistakes in other sections than "all" and the command's own close no command: a rollback may be
/// urgent. Nor does a home folder that cannot be searched, which may be another user's, except for
/// commands that serve: the file may hold their tokens. A device means that there is none.
[[nodiscard]] Result<std::optional<ConfigFile>>
find_config(const Invocation& invocation, const Environment& env);

/// "OA_STREAM_SMOKE_STREAM_BASE_URL"; for an option that every command has, "OA_STREAM_STATE_DIR".
[[nodiscard]] std::string variable_of(std::string_view command, std::string_view option);

/// Fills in every option that is not on the command line from environment or file. Returns the
/// final setting of each option of the command, in the table's order; without a command those of
/// the options that every command has.
[[nodiscard]] Result<std::vector<Setting>> apply_layers(
    Invocation& invocation, const std::optional<ConfigFile>& config, const Environment& env
);

/// The settings for display: without a token or key that was written where a reference to it
/// belongs.
[[nodiscard]] std::vector<Setting>
without_secrets(std::vector<Setting> settings, const CommandSpec& command);

} // namespace oa_stream::cli
