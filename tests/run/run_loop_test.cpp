#include "oa_stream/base/child.hpp"
#include "oa_stream/base/error.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/run/run_loop.hpp"

#include <catch2/catch.hpp>

#include <signal.h> // NOLINT(modernize-deprecated-headers): raise, SIGRTMIN
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>
#include <vector>

using namespace oa_stream;
using run::RunLoop;
using run::StopRequest;

namespace {

struct Said final : run::RunObserver {
    std::vector<std::string> lines{};
    void say(const Advice& line) override { lines.push_back(line.text()); }
    void progress(std::string_view) override {}
};

/// Ends once the stop was asked for, as a run does after its rollback.
Task<bool> until_stopped(const StopRequest* stop, std::vector<int> signals) {
    for (const int number : signals) {
        (void)::raise(number);
        (void)co_await sleep_for(Millis(5)); // the loop hands the signal over
    }
    for (int i = 0; i < 2000 && !stop->requested(); ++i) {
        (void)co_await sleep_for(Millis(1));
    }
    co_return stop->requested();
}

bool asks_to_stop(std::vector<int> signals, StopRequest& stop, Said& said) {
    const run::SignalWords words{.first = "restoring"};
    auto out = run::run_to_end<bool>(
        [&](const asio::any_io_executor&) -> Task<Result<bool>> {
            return [](const StopRequest* stop, std::vector<int> signals) -> Task<Result<bool>> {
                co_return co_await until_stopped(stop, std::move(signals));
            }(&stop, std::move(signals));
        },
        stop,
        said,
        words
    );
    return out && *out;
}

/// How a process ends that gets two different signals, as `stop` stands.
int exit_after_two(const StopRequest& stop) {
    const pid_t child = ::fork();
    if (child == 0) {
        StopRequest mine = stop;
        Said said;
        (void)asks_to_stop({SIGINT, SIGTERM}, mine, said);
        ::_exit(99); // it did not leave at once
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/// Tells the process that a program has started, then gets two signals.
Task<Result<bool>> leave_beside_program(const StopRequest* stop, int told) {
    auto child = Child::start(
        co_await asio::this_coro::executor,
        {.program = "sh",
         .args = {"-c", "sleep 1000 & echo $!; wait"},
         .env = inherited_env({"PATH"})}
    );
    const auto line = co_await (*child)->read_stdout();
    const pid_t grandchild = std::stoi(*line);
    (void)::write(told, &grandchild, sizeof grandchild);
    co_return co_await until_stopped(stop, {SIGINT, SIGTERM});
}

} // namespace

TEST_CASE("run loop: every signal that would end the process asks for the rollback") {
    for (const int number :
         {SIGINT,
          SIGTERM,
          SIGHUP,
          SIGQUIT,
          SIGUSR1,
          SIGUSR2,
          SIGALRM,
          SIGVTALRM,
          SIGPROF,
          SIGIO,
          SIGPWR,
          SIGXCPU,
          SIGSTKFLT,
          SIGRTMIN + 3,
          SIGRTMAX}) {
        CAPTURE(number);
        StopRequest stop;
        Said said;
        CHECK(asks_to_stop({number}, stop, said));
        CHECK(stop.signal() == number);
        CHECK(said.lines.size() == 1);
    }
}

TEST_CASE("run loop: a terminal that goes away signals twice, which is no wish to leave at once") {
    StopRequest stop;
    stop.mark_mutated();
    Said said;
    CHECK(asks_to_stop({SIGHUP, SIGHUP, SIGUSR1}, stop, said));
    CHECK(stop.signal() == SIGHUP);
    CHECK(said.lines.size() == 1);
}

// A second signal that counts ends the process, which is this test.
TEST_CASE("run loop: `timeout` signals the process and its group, which is one wish") {
    StopRequest stop;
    stop.mark_mutated();
    Said said;
    CHECK(asks_to_stop({SIGTERM, SIGTERM, SIGTERM}, stop, said));
    CHECK(stop.signal() == SIGTERM);
    CHECK(said.lines.size() == 1);
}

TEST_CASE("run loop: the first signal after an order to abort does not leave: it asks for the same"
) {
    StopRequest stop;
    stop.mark_mutated();
    stop.request(SIGTERM, "aborted by bob");
    Said said;
    CHECK(asks_to_stop({SIGHUP, SIGINT}, stop, said));
    CHECK(stop.text() == "aborted by bob");
    REQUIRE(said.lines.size() == 1);
    CHECK(said.lines[0].find("already ending: aborted by bob") != std::string::npos);
}

TEST_CASE("run loop: a signal that was ignored from the start stays so, as under nohup") {
    (void)::signal(SIGHUP, SIG_IGN); // NOLINT(cert-err33-c)
    StopRequest stop;
    Said said;
    CHECK(asks_to_stop({SIGHUP, SIGTERM}, stop, said));
    CHECK(stop.signal() == SIGTERM);
    (void)::signal(SIGHUP, SIG_DFL); // NOLINT(cert-err33-c)
}

TEST_CASE("run loop: once the traffic is settled a signal says what stays, not what is restored") {
    StopRequest stop;
    stop.mark_mutated();
    stop.settle("the run has ended, v2 100% stays", ExitCode::ok);
    Said said;
    CHECK(asks_to_stop({SIGINT}, stop, said));
    REQUIRE(said.lines.size() == 1);
    CHECK(
        said.lines[0] == "signal: the run has ended, v2 100% stays; a second signal leaves at once"
    );
}

TEST_CASE("run loop: a second signal leaves at once, and a settled run keeps its exit") {
    StopRequest stop;
    CHECK(exit_after_two(stop) == 128 + SIGTERM);
    stop.mark_mutated();
    CHECK(exit_after_two(stop) == 8);
    stop.settle("the rollback has ended: v1 100% serves, verified", ExitCode::ok);
    CHECK(exit_after_two(stop) == 0);
    stop.settle("the run has ended, the traffic is back and verified", ExitCode::rolled_back);
    CHECK(exit_after_two(stop) == 7);
}

TEST_CASE("run loop: who leaves at once leaves nothing of a program behind that could write later"
) {
    std::array<int, 2> ends{-1, -1};
    REQUIRE(::pipe(ends.data()) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        StopRequest stop;
        Said said;
        const run::SignalWords words{.first = "restoring"};
        (void)run::run_to_end<bool>(
            [&](const asio::any_io_executor&) { return leave_beside_program(&stop, ends[1]); },
            stop,
            said,
            words
        );
        ::_exit(99); // it did not leave at once
    }
    ::close(ends[1]);
    pid_t grandchild = 0;
    REQUIRE(::read(ends[0], &grandchild, sizeof grandchild) == sizeof grandchild);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WEXITSTATUS(status) == 128 + SIGTERM);
    const auto gone = [&] { // killed; init reaps it
        const auto left = process_state(grandchild);
        return !left || left->state == 'Z';
    };
    for (int i = 0; i < 200 && !gone(); ++i) {
        ::usleep(10000);
    }
    CHECK(gone());
    ::kill(grandchild, SIGKILL);
    ::close(ends[0]);
}
