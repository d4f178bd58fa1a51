// What every command that carries out a run shares: lines on the screen, signals, the last words.
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

/// The line that is redrawn: on a terminal, unless -q, as much of it as fits. Empty: cleared.
void redraw(std::string_view line, const Context& context);

/// Lines as they come; on a terminal one more that is redrawn.
class Screen final : public run::RunObserver {
public:
    explicit Screen(Context& context) : context_(context), style_{context.width, context.colour} {
        redactor_.add_environment();
    }

    /// Draws the stage under way; unset where nothing is redrawn. Valid as long as the screen.
    [[nodiscard]] playbook::OnStage on_stage();
    /// The run takes about this long: from now on its progress says what is left.
    void expect(std::optional<std::chrono::milliseconds> time);
    void say(const Advice& line) override;
    void progress(std::string_view line) override;
    void clear();

private:
    [[nodiscard]] std::string left() const;

    Context& context_;
    playbook::ViewStyle style_;
    Redactor redactor_; ///< for lines before there is a run that knows its secrets
    bool live_ = false;
    std::optional<std::chrono::steady_clock::time_point> until_{};
};

using run::run_to_end;
using run::SignalWords;

/// run_to_end() of what only looks: the first signal leaves.
template <class T, class Make> [[nodiscard]] Result<T> look_to_end(Make make, Screen& screen) {
    run::StopRequest stop;
    const SignalWords words{.first = "leaving; nothing was changed", .at_once = true};
    return run_to_end<T>(std::move(make), stop, screen, words);
}

/// The last line of stderr, of parts that are not empty; see tell_last().
void tell_parts(const std::vector<Advice>& parts, Context& context);

/// What a last line says of a run, for tell_parts(); `next` is a command to type, empty: none.
[[nodiscard]] std::vector<Advice>
run_parts(Verdict verdict, std::string_view run, std::string_view evidence, const Advice& next);

/// How a run ended, for the last line of stderr.
struct LastWords {
    Verdict verdict = Verdict::error;
    ExitCode exit = ExitCode::not_executed;
    std::string run{};
    std::string evidence{};
    Advice next{}; ///< command to type; empty: none
};
/// "PASS run … evidence … next: …"; nothing under -q when all is well. One line, but on a terminal
/// that is narrower: then a line each, so that a path and a command can be taken whole.
void tell_last(const LastWords& words, Context& context);

} // namespace oa_stream::cli
