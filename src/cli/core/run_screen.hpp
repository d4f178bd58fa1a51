// The screen, signals and last line of every command that carries out a run.
#pragma once

#include "oa_stream/base/redact.hpp"
#include "oa_stream/playbook/runner.hpp"
#include "oa_stream/playbook/view.hpp"
#include "oa_stream/run/run_loop.hpp"

#include "command.hpp"
#include "screen/shown.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::cli {

/// Redraws the live line: on a terminal, unless -q, as much of it as fits. Empty: clears it.
void redraw(std::string_view line, const Context& context);

/// Prints lines as they arrive, and on a terminal a live line that is redrawn.
class Screen final : public run::RunObserver {
public:
    explicit Screen(Context& context) : context_(context), style_{context.width, context.colour} {
        redactor_.add_environment();
    }

    /// Draws the current stage; unset where nothing is redrawn. Valid as long as the screen.
    [[nodiscard]] playbook::OnStage on_stage();
    /// Sets the expected duration of the run: its progress then shows the time left.
    void expect(std::optional<std::chrono::milliseconds> time);
    void say(const Advice& line) override;
    void progress(std::string_view line) override;
    void clear();

private:
    [[nodiscard]] std::string left() const;

    Context& context_;
    playbook::ViewStyle style_;
    Redactor redactor_; ///< for lines printed before a run exists that has the secrets
    bool live_ = false;
    std::optional<std::chrono::steady_clock::time_point> until_{};
};

using run::run_to_end;
using run::SignalWords;

/// run_to_end() for read-only commands: the first signal ends the command.
template <class T, class Make> [[nodiscard]] Result<T> look_to_end(Make make, Screen& screen) {
    run::StopRequest stop;
    const SignalWords words{.first = "leaving; nothing was changed", .at_once = true};
    return run_to_end<T>(std::move(make), stop, screen, words);
}

/// Prints the last line on stderr from the parts that are not empty; see tell_last().
void tell_parts(const std::vector<Advice>& parts, Context& context);

/// Parts of a run's last line, for tell_parts(); `next`: a command to run, empty: none.
[[nodiscard]] std::vector<Advice>
run_parts(Verdict verdict, std::string_view run, std::string_view evidence, const Advice& next);

/// How a run ended, for the last line on stderr.
struct LastWords {
    Verdict verdict = Verdict::error;
    ExitCode exit = ExitCode::not_executed;
    std::string run{};
    std::string evidence{};
    Advice next{}; ///< command to run; empty: none
};
/// Prints "PASS run … evidence … next: …"; nothing under -q when all is well. One line, except on a
/// terminal that is narrower: then one line per part, so that a path or a command can be copied
/// whole.
void tell_last(const LastWords& words, Context& context);

} // namespace oa_stream::cli
