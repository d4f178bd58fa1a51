// The one command table: parser, --help, man page and completions are printed from it.
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

/// What the outside gives a command; tests give another.
struct Context {
    std::function<void(std::string_view)> out; ///< results
    std::function<void(std::string_view)> err; ///< everything else
    std::function<std::optional<std::string>(std::string_view)> env;
    std::filesystem::path state_dir;
    /// --state-dir DIR when a person's shell would look elsewhere without it; else empty.
    std::vector<std::string> state_words{};
    GlobalOptions globals{};
    std::filesystem::path evidence{}; ///< set by the command: the run it leaves, if it does
    std::string report_name = "report"; ///< of the report in it, without .html
    const CommandSpec* command = nullptr; ///< the one that runs
    Args given{};                         ///< its words, to type it once more
    std::string program;      ///< path of this binary, for child lanes
    std::vector<std::string> argv{}; ///< as given, for run.json (no secrets can stand there)
    bool json = false;
    bool quiet = false;
    bool colour = false;      ///< of stderr
    bool tty = false;         ///< stderr is a terminal
    bool live = false;        ///< a line on it may be drawn again
    bool out_colour = false;  ///< of stdout
    bool out_tty = false;     ///< stdout is a terminal, too
    int width = 80;
    /// Results that can come later: how many bytes of them standard output takes without a wait.
    std::function<std::size_t(std::string_view)> out_some{};
    /// Why standard output takes no more results (errno); 0: it took all of them.
    std::function<int()> out_error{};
};

/// Whole command lines, written into the row itself; at most five.
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
    /// Reads the words into a fresh options struct and forgets it: whether they make sense.
    Result<void> (*read)(const CommandSpec& command, const Args& args) = nullptr;
    bool leaves_run = false; ///< a run folder, which --junit, --tap and --github report
    bool reads_runs = false; ///< those of the state directory
    bool explains = false; ///< this program: a config file that cannot be read does not stop it
    std::string_view about{}; ///< what it does, as paragraphs of Markdown: the manual's DESCRIPTION
    std::string_view also{}; ///< words that people try or search for instead, one blank between
    std::string_view formerly{}; ///< its path in earlier releases, which still works
    Exits exits{};

    [[nodiscard]] bool is_called(std::string_view name) const noexcept {
        return name == path || (!formerly.empty() && name == formerly);
    }
};

/// Commands that belong together, as help shows them.
struct CommandGroup {
    std::string_view title;
    std::string_view purpose; ///< beside the title
    std::span<const CommandSpec> commands;
};

/// Of a command without options.
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

/// A command whose rows fill a T.
template <class T> struct CommandOf {
    std::string_view path;
    std::string_view summary;
    TableOf<T, PositionalSpec> positionals{};
    TableOf<T, OptionSpec> options{};
    Examples examples{};
    bool leaves_run = false;
    bool reads_runs = false;
    bool explains = false;
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
/// Those that help shows first: the ones that are typed most.
[[nodiscard]] std::span<const CommandSpec* const> frequent_commands() noexcept;
/// Options every command takes (globals.hpp).
[[nodiscard]] std::span<const OptionSpec> global_options() noexcept;

[[nodiscard]] int main(int argc, char** argv);

} // namespace oa_stream::cli
