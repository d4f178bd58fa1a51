// What every command that carries out a run shares: lines on the screen, signals, the last words.
#pragma once

#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/cli/command.hpp"
#include "oa_stream/playbook/runner.hpp"
#include "oa_stream/playbook/view.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::cli {

/// Lines as they come; on a terminal one more that is redrawn.
class Screen {
public:
    explicit Screen(Context& context) : context_(context), style_{context.width, context.colour} {
        redactor_.add_environment();
    }

    /// Valid as long as the screen.
    [[nodiscard]] playbook::Observer observer();
    void say(std::string_view line);
    void clear();

private:
    Context& context_;
    playbook::ViewStyle style_;
    Redactor redactor_; ///< for what is said before there is a run that knows its secrets
    bool live_ = false;
};

/// What signals are answered with.
struct SignalWords {
    std::string first; ///< what is being finished, and for how long at most
    /// What is left when the process goes at once, and the command that finishes it.
    std::function<std::string()> second{};
    bool at_once = false; ///< nothing is ever changed: the first one leaves, too
};

/// The first signal asks the engine to stop and undo; the second leaves at once: 128 + its number
/// when nothing was written, else 8. All references must outlive the wait.
void on_signal(
    asio::signal_set& signals, playbook::StopRequest& stop, Screen& screen, const SignalWords& words
);

/// Runs one coroutine to its end on a context of its own, answering signals meanwhile. `make` is
/// given the executor, for what must be built on it.
template <class T, class Make>
[[nodiscard]] Result<T>
run_to_end(Make make, playbook::StopRequest& stop, Screen& screen, const SignalWords& words) {
    asio::io_context io(1);
    asio::signal_set signals(io, SIGINT, SIGTERM);
    on_signal(signals, stop, screen, words);
    Result<T> out = fail(Code::internal, "the run did not end");
    asio::co_spawn(
        io,
        make(asio::any_io_executor(io.get_executor())),
        [&](const std::exception_ptr& thrown, Result<T> result) {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
            out = std::move(result);
            io.stop();
        }
    );
    io.run();
    return out;
}

/// How a run ended, for the last line of stderr.
struct LastWords {
    Verdict verdict = Verdict::error;
    ExitCode exit = ExitCode::not_executed;
    std::string run{};
    std::string evidence{};
    std::string next{}; ///< command to type; empty: none
};
/// "PASS run … evidence … next: …"; nothing under -q when all is well.
void tell_last(const LastWords& words, Context& context);

} // namespace oa_stream::cli
