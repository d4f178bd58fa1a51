#include "oa_stream/run/run_loop.hpp"

#include "oa_stream/base/verdict.hpp"

#include <csignal>
#include <cstdlib>

namespace oa_stream::run {
namespace {

bool answer(int number, StopRequest& stop, RunObserver& observer, const SignalWords& words) {
    constexpr int k_signalled = 128;
    if (words.at_once) {
        observer.say(words.first);
        std::_Exit(k_signalled + number);
    }
    if (stop.requested()) {
        observer.say("second signal: leaving at once. " + (words.second ? words.second() : ""));
        std::_Exit(
            stop.mutated() ? static_cast<int>(ExitCode::rollback_unverified) : k_signalled + number
        );
    }
    stop.request(number);
    observer.say("signal: " + words.first + "; a second signal leaves at once");
    return true;
}

} // namespace

RunLoop::RunLoop(OnSignal on_signal)
    : signals_(io_, SIGINT, SIGTERM), on_signal_(std::move(on_signal)) {
    wait_for_signal();
}

RunLoop::RunLoop(StopRequest& stop, RunObserver& observer, const SignalWords& words)
    : RunLoop([&stop, &observer, &words](int number) {
          return answer(number, stop, observer, words);
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
