// What every command that carries out a run shares: lines on the screen, signals, the last words.
#pragma once

#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/playbook/runner.hpp"
#include "oa_stream/playbook/view.hpp"

#include "command.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <csignal>
#include <cstddef>
#include <exception>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::cli {

/// The line that is drawn anew: on a terminal, unless -q, as much of it as fits. Empty: cleared.
void redraw(std::string_view line, const Context& context);

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
    void checked(const Check& check);
    Context& context_;
    playbook::ViewStyle style_;
    Redactor redactor_; ///< for what is said before there is a run that knows its secrets
    bool live_ = false;
    int checks_ = 0; ///< of the smoke under way
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

/// Result lines on stdout, as a terminal should show them when it is one; else `piped` columns
/// wide.
void show_text(std::string_view text, Context& context, std::size_t piped = 0);

/// The last line of stderr, of parts that are not empty; see tell_last().
void tell_parts(std::vector<std::string> parts, Context& context);

/// What a last line says of a run, for tell_parts(); `next` is a command to type, empty: none.
[[nodiscard]] std::vector<std::string> run_parts(
    std::string_view verdict, std::string_view run, std::string_view evidence, std::string_view next
);

/// How a run ended, for the last line of stderr.
struct LastWords {
    Verdict verdict = Verdict::error;
    ExitCode exit = ExitCode::not_executed;
    std::string run{};
    std::string evidence{};
    std::string next{}; ///< command to type; empty: none
};
/// "PASS run … evidence … next: …"; nothing under -q when all is well. One line, but on a terminal
/// that is narrower: then a line each, so that a path and a command can be taken whole.
void tell_last(const LastWords& words, Context& context);

} // namespace oa_stream::cli
