// The io loop of a run and its signals.
#pragma once

#include "oa_stream/base/output.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/base/verdict.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::run {

/// Where a run shows itself while it lasts. The terminal's part is in the room cli.
class RunObserver {
public:
    RunObserver() = default;
    RunObserver(const RunObserver&) = delete;
    RunObserver& operator=(const RunObserver&) = delete;
    virtual ~RunObserver() = default;

    virtual void say(const Advice& line) = 0; ///< something happened, and what to type
    virtual void progress(std::string_view line) = 0; ///< replaces the last one; empty: removes it
};

/// Whether whoever started this program had the signal ignored, as `nohup` does with SIGHUP for one
/// that is to outlive its terminal. Ask before the signal gets a handler.
[[nodiscard]] bool is_ignored(int signal);

/// Set by a signal handler on the engine's thread; the engine looks at it between and within steps.
class StopRequest {
public:
    void request(int signal) noexcept { signal_ = signal_ == 0 ? signal : signal_; }
    /// As `signal` would, but asked for by a person: "aborted by alice: reason".
    void request(int signal, std::string by);
    [[nodiscard]] bool requested() const noexcept { return signal_ != 0; }
    [[nodiscard]] int signal() const noexcept { return signal_; }
    /// And not by a signal alone.
    [[nodiscard]] bool by_person() const noexcept { return !by_.empty(); }
    /// "signal 2", or who asked.
    [[nodiscard]] std::string text() const;
    /// Set by the engine before its first write: from here on leaving at once is not harmless.
    /// A run before it that shared this request may have settled; this one has not.
    void mark_mutated() noexcept {
        mutated_ = true;
        unsettle();
    }
    [[nodiscard]] bool mutated() const noexcept { return mutated_; }
    /// Set by the engine when it is done with the traffic: what became of it, which no signal
    /// changes any more, and how the run ends by it.
    void settle(Advice how, ExitCode exit) {
        settled_ = std::move(how);
        exit_ = exit;
    }
    /// Work goes on behind a run within this one.
    void unsettle() noexcept { settled_ = {}; }
    [[nodiscard]] const Advice& settled() const noexcept { return settled_; }
    /// How a process ends that leaves at once, by a second signal.
    [[nodiscard]] int exit_at_once(int signal) const noexcept;

private:
    int signal_ = 0;
    bool mutated_ = false;
    std::string by_{};
    Advice settled_{};
    ExitCode exit_ = ExitCode::inconclusive; ///< once settled
};

/// Null: nothing asks.
[[nodiscard]] inline bool is_requested(const StopRequest* stop) noexcept {
    return stop != nullptr && stop->requested();
}

/// What signals are answered with, in a run that may have something to undo.
struct SignalWords {
    std::string first; ///< what is being finished, and for how long at most
    /// What is left when the process goes at once, and the command that finishes it.
    std::function<Advice()> second{};
    bool at_once = false; ///< nothing is ever changed: the first one leaves, too
};

/// One io_context with every signal on it that would end the process and can be caught; one that
/// was ignored from the start stays so. What is built on executor() must be destroyed before the
/// loop, or live in the coroutine that run() is given.
class RunLoop {
public:
    /// Gets the signal's number; true: keep the loop running, the coroutine will end by itself.
    using OnSignal = std::function<bool(int)>;

    /// Without `on_signal` the first signal ends the loop: for runs that have nothing to undo.
    explicit RunLoop(OnSignal on_signal = {});
    /// The first signal asks the engine to stop and undo; a second SIGINT, SIGTERM or SIGQUIT (not
    /// the first one's echo within a second) leaves at once, with 128 + its number when nothing was
    /// written, else 8, and once the run is settled with its exit. All references must outlive the
    /// loop.
    RunLoop(StopRequest& stop, RunObserver& observer, const SignalWords& words);

    [[nodiscard]] asio::any_io_executor executor() { return io_.get_executor(); }
    /// The last signal; 0: none came.
    [[nodiscard]] int signal() const noexcept { return signal_; }

    /// Nothing when a signal ended the loop first.
    template <class T> [[nodiscard]] std::optional<T> run(Task<T> task) {
        std::optional<T> out;
        io_.restart();
        asio::co_spawn(io_, std::move(task), [&](const std::exception_ptr& thrown, T result) {
            if (thrown) {
                std::rethrow_exception(thrown);
            }
            out = std::move(result);
            io_.stop();
        });
        io_.run();
        return out;
    }

private:
    void wait_for_signal();

    asio::io_context io_{1};
    asio::signal_set signals_;
    OnSignal on_signal_;
    int signal_ = 0;
};

/// What `work` returns. Meanwhile nobody waits for a reader of standard error: gates are judged,
/// turns are started and traffic is restored also on a terminal that was stopped.
template <class Work> [[nodiscard]] auto unwaited(RunObserver& observer, Work work) {
    std::optional<UnwaitedStderr> unwaited{std::in_place};
    auto out = work();
    unwaited.reset();
    if (take_lost_diagnostics()) {
        observer.say("lines are missing above: nobody read standard error, and the run went on");
    }
    return out;
}

/// Runs one coroutine to its end on a loop of its own, unwaited. `make` is given the executor, for
/// what must be built on it.
template <class T, class Make>
[[nodiscard]] Result<T>
run_to_end(Make make, StopRequest& stop, RunObserver& observer, const SignalWords& words) {
    RunLoop loop(stop, observer, words);
    auto out = unwaited(observer, [&] { return loop.run<Result<T>>(make(loop.executor())); });
    return out ? *std::move(out) : fail(Code::internal, "the run did not end");
}

} // namespace oa_stream::run
