// The one command table: parser, --help, man page and completions are printed from it.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/verdict.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

struct OptionSpec {
    std::string_view name;        ///< "--listen"
    std::string_view value;       ///< "HOST:PORT"; empty: a flag without value
    std::string_view help;        ///< one sentence
    std::string_view fallback{};  ///< shown as default; applied when the option is not given
    bool repeats = false;
};
struct PositionalSpec {
    std::string_view name; ///< "FILE"
    std::string_view help;
    bool required = true;
    std::size_t at_most = 1; ///< so many words
};

/// Parsed arguments of one command: strings only, each command parses its own values.
class Args {
public:
    [[nodiscard]] bool has(std::string_view option) const; ///< given by the user
    [[nodiscard]] std::optional<std::string> get(std::string_view option
    ) const; ///< given or fallback
    [[nodiscard]] std::vector<std::string> all(std::string_view option) const;
    /// The last word, of one that takes several; all() has them all.
    [[nodiscard]] std::optional<std::string> positional(std::string_view name) const;

    std::map<std::string, std::vector<std::string>, std::less<>> given{};
    std::map<std::string, std::string, std::less<>> fallbacks{};
};

/// What the outside gives a command; tests give another.
struct Context {
    std::function<void(std::string_view)> out; ///< results
    std::function<void(std::string_view)> err; ///< everything else
    std::function<std::optional<std::string>(std::string_view)> env;
    std::filesystem::path state_dir;
    /// " --state-dir DIR" when a person's shell would look elsewhere without it; else empty.
    std::string state_words{};
    std::string config_file{};        ///< --config; empty: not given
    std::filesystem::path evidence{}; ///< set by the command: the run it leaves, if it does
    std::string program;      ///< path of this binary, for child lanes
    std::vector<std::string> argv{}; ///< as given, for run.json (no secrets can stand there)
    bool json = false;
    bool quiet = false;
    bool colour = false;      ///< of stderr
    bool tty = false;         ///< stderr is a terminal
    bool out_colour = false;  ///< of stdout
    bool out_tty = false;     ///< stdout is a terminal, too
    int width = 80;
};

using Run = Result<ExitCode> (*)(const Args&, Context&);

struct CommandSpec {
    std::string_view path; ///< "smoke stream"
    std::string_view summary;
    std::span<const PositionalSpec> positionals;
    std::span<const OptionSpec> options;
    std::span<const std::string_view> examples; ///< whole command lines
    Run run;
    bool leaves_run = false; ///< a run folder, which --junit, --tap and --github tell of
};

/// Every command, in the order of --help (src/cli/table.cpp).
[[nodiscard]] std::span<const CommandSpec> all_commands() noexcept;
/// Options every command takes: --json, -q/--quiet, --color, --state-dir, --non-interactive.
[[nodiscard]] std::span<const OptionSpec> global_options() noexcept;

[[nodiscard]] int main(int argc, char** argv);

} // namespace oa_stream::cli
