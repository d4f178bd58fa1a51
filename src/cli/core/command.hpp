// The command table, from which the parser, --help, the man page and completions are generated.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/verdict.hpp"

#include "exit_codes.hpp"
#include "globals.hpp"
#include "option.hpp"

#include <array>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

struct CommandSpec;

/// A command's environment; tests supply their own.
struct Context {
    std::function<void(std::string_view)> out; ///< results
    std::function<void(std::string_view)> err; ///< everything else
    std::function<std::optional<std::string>(std::string_view)> env;
    std::filesystem::path state_dir;
    /// --state-dir DIR when an operator's shell would otherwise use another directory; else empty.
    std::vector<std::string> state_words{};
    GlobalOptions globals{};
    std::filesystem::path evidence{}; ///< set by the command: the run that it leaves, if any
    std::string report_name = "report"; ///< name of the report in it, without .html
    const CommandSpec* command = nullptr; ///< the running command
    Args given{}; ///< its arguments, for repeating it
    std::string program; ///< path of this binary, to start lanes
    /// As given, for run.json (secrets are only given as references).
    std::vector<std::string> argv{};
    bool json = false;
    bool quiet = false;
    bool colour = false; ///< for stderr
    bool tty = false; ///< stderr is a terminal
    bool live = false; ///< a line on it may be redrawn
    bool out_colour = false; ///< for stdout
    bool out_tty = false; ///< stdout is a terminal
    int width = 80;
    /// Writes results that may be delayed: returns how many bytes standard output accepts without
    /// blocking.
    std::function<std::size_t(std::string_view)> out_some{};
    /// Why standard output no longer accepts results (errno); 0: it accepted all.
    std::function<int()> out_error{};
};

/// Complete command lines, written in the row itself; at most five.
class Examples {
public:
    constexpr Examples() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): `.examples = {"…", "…"}`
    constexpr Examples(std::initializer_list<std::string_view> lines) : count_(lines.size()) {
        std::size_t at = 0;
        for (const std::string_view line : lines) {
            lines_.at(at++) = line;
        }
    }
    [[nodiscard]] constexpr auto begin() const noexcept { return lines_.begin(); }
    [[nodiscard]] constexpr auto end() const noexcept { return begin() + count_; }
    [[nodiscard]] constexpr bool empty() const noexcept { return count_ == 0; }

private:
    std::array<std::string_view, 5> lines_{};
    std::size_t count_ = 0;
};

using Run = Result<ExitCode> (*)(const Args&, Context&);

struct CommandSpec {
    std::string_view path; ///< "smoke stream"
    std::string_view summary;
    std::span<const PositionalSpec> positionals;
    std::span<const OptionSpec> options;
    Examples examples{};
    Run run;
    /// Reads the words into a temporary options struct, to check that they are valid.
    Result<void> (*read)(const CommandSpec& command, const Args& args) = nullptr;
    bool leaves_run = false; ///< leaves a run folder, which --junit, --tap and --github report
    bool reads_runs = false; ///< reads the runs of the state directory
    bool explains = false; ///< explains this program: a broken config file does not stop it
    bool serves = false; ///< serves clients: never without settings that may exist
    std::string_view about{}; ///< description in paragraphs of Markdown: the manual's DESCRIPTION
    std::string_view also{}; ///< words that users try or search for instead, separated by a blank
    std::string_view formerly{}; ///< its path in earlier releases, which is still accepted
    Exits exits{};

    [[nodiscard]] bool is_called(std::string_view name) const noexcept {
        return name == path || (!formerly.empty() && name == formerly);
    }
};

/// Related commands, as grouped by help.
struct CommandGroup {
    std::string_view title;
    std::string_view purpose; ///< beside the title
    std::span<const CommandSpec> commands;
};

/// For a command without options.
struct NoOptions {};

namespace detail {
template <class F> struct RunOf;
template <class T> struct RunOf<Result<ExitCode> (*)(T, Context&)> {
    using Options = std::remove_cvref_t<T>;
};
template <auto Function> using OptionsOf = typename RunOf<decltype(Function)>::Options;

template <auto Function> Result<ExitCode> run_typed(const Args& args, Context& context) {
    OptionsOf<Function> options{};
    const CommandSpec& command = *context.command;
    OA_CHECK(read_rows(command.positionals, command.options, args, &options));
    return Function(std::move(options), context);
}
template <auto Function> Result<void> read_typed(const CommandSpec& command, const Args& args) {
    OptionsOf<Function> options{};
    return read_rows(command.positionals, command.options, args, &options);
}
} // namespace detail

/// A command whose rows fill in a T.
template <class T> struct CommandOf {
    std::string_view path;
    std::string_view summary;
    TableOf<T, PositionalSpec> positionals{};
    TableOf<T, OptionSpec> options{};
    Examples examples{};
    bool leaves_run = false;
    bool reads_runs = false;
    bool explains = false;
    bool serves = false;
    std::string_view about{};
    std::string_view also{};
    std::string_view formerly{};
    Exits exits{};
};
/// The row of a command that runs `Function`: Result<ExitCode> (const T& or T, Context&).
template <auto Function>
constexpr CommandSpec command(const CommandOf<detail::OptionsOf<Function>>& row) {
    return {
        .path = row.path,
        .summary = row.summary,
        .positionals = row.positionals,
        .options = row.options,
        .examples = row.examples,
        .run = &detail::run_typed<Function>,
        .read = &detail::read_typed<Function>,
        .leaves_run = row.leaves_run,
        .reads_runs = row.reads_runs,
        .explains = row.explains,
        .serves = row.serves,
        .about = row.about,
        .also = row.also,
        .formerly = row.formerly,
        .exits = row.exits,
    };
}

/// Every command, in the order of --help (src/cli/core/table.cpp).
[[nodiscard]] std::span<const CommandSpec> all_commands() noexcept;
/// The same, by group.
[[nodiscard]] std::span<const CommandGroup> command_groups();
/// The commands that help shows first: the most frequent ones.
[[nodiscard]] std::span<const CommandSpec* const> frequent_commands() noexcept;
/// Options that every command has (globals.hpp).
[[nodiscard]] std::span<const OptionSpec> global_options() noexcept;

[[nodiscard]] int main(int argc, char** argv);

} // namespace oa_stream::cli
