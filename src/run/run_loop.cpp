#include "oa_stream/run/run_loop.hpp"

#include "oa_stream/base/child.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/run/signal_echo.hpp"

#include <signal.h> // NOLINT(modernize-deprecated-headers): sigaction

#include <array>
#include <cstdlib>
#include <utility>

namespace oa_stream::run {
namespace {

constexpr int k_signalled = 128;

/// Signals that end a process which does not handle them, without a fault of its own. SIGINT and
/// SIGTERM are the loop's from the start.
constexpr std::array k_ending{
    SIGHUP,
    SIGQUIT,
    SIGUSR1,
    SIGUSR2,
    SIGALRM,
    SIGVTALRM,
    SIGPROF,
    SIGIO,
    SIGPWR,
    SIGSTKFLT,
    SIGXCPU,
};

/// Whether it can be meant as "leave now". A terminal that goes away sends SIGHUP twice, by the
/// kernel and by its shell, and a service manager sends it beside SIGTERM.
bool may_hurry(int number) {
    return number == SIGINT || number == SIGTERM || number == SIGQUIT;
}

[[noreturn]] void leave(int code) {
    kill_child_groups();
    std::_Exit(code);
}

/// What is left when the process goes at once.
Advice left_text(const StopRequest& stop, const SignalWords& words) {
    if (!stop.settled().empty()) {
        return stop.settled() + ". The report is not written.";
    }
    return words.second ? words.second() : Advice();
}

/// `signalled`: whether a signal asked for the same before.
bool answer(
    int number, StopRequest& stop, RunObserver& observer, const SignalWords& words, bool& signalled
) {
    if (stop.requested() && !may_hurry(number)) {
        return true;
    }
    if (words.at_once) {
        observer.say(words.first);
        leave(k_signalled + number);
    }
    const bool second = std::exchange(signalled, true);
    if (stop.requested() && !second) { // by an order: the sender of this signal may not know of it
        observer.say("signal: already ending: " + stop.text() + "; a second signal leaves at once");
        return true;
    }
    if (stop.requested()) {
        observer.say("second signal: leaving at once. " + left_text(stop, words));
        leave(stop.exit_at_once(number));
    }
    stop.request(number);
    observer.say(
        "signal: " + (stop.settled().empty() ? Advice(words.first) : stop.settled()) +
        "; a second signal leaves at once"
    );
    return true;
}

} // namespace

void StopRequest::request(int signal, std::string by) {
    if (!requested()) {
        request(signal);
        by_ = std::move(by);
    }
}

std::string StopRequest::text() const {
    return by_.empty() ? "signal " + std::to_string(signal_) : by_;
}

int StopRequest::exit_at_once(int signal) const noexcept {
    if (!settled_.empty()) {
        return static_cast<int>(exit_);
    }
    return mutated_ ? static_cast<int>(ExitCode::rollback_unverified) : k_signalled + signal;
}

bool is_ignored(int signal) {
    struct sigaction before{};
    return ::sigaction(signal, nullptr, &before) == 0 && before.sa_handler == SIG_IGN;
}

RunLoop::RunLoop(OnSignal on_signal)
    : signals_(io_, SIGINT, SIGTERM), on_signal_(std::move(on_signal)) {
    for (const int number : k_ending) {
        if (!is_ignored(number)) {
            signals_.add(number);
        }
    }
    for (int number = SIGRTMIN; number <= SIGRTMAX; ++number) {
        if (!is_ignored(number)) {
            signals_.add(number);
        }
    }
    wait_for_signal();
}

RunLoop::RunLoop(StopRequest& stop, RunObserver& observer, const SignalWords& words)
    : RunLoop([&stop, &observer, &words, echo = SignalEcho(), signalled = false](int number
              ) mutable {
          return echo.repeats(number) || answer(number, stop, observer, words, signalled);
      }) {
}

void RunLoop::wait_for_signal() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error) {
            return;
        }
        signal_ = number;
        if (on_signal_ && on_signal_(number)) {
            wait_for_signal();
        } else {
            io_.stop();
        }
    });
}

} // namespace oa_stream::run
