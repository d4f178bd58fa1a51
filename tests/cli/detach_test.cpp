// --detach: what the old process waits for before it says that the run goes on.
#include "cutover/detach.hpp"
#include "scratch.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <thread>

using namespace oa_stream;

namespace {

constexpr std::chrono::milliseconds k_patience{1};

/// A run that is refused, exit 6, as soon as refuse() is called.
class Child {
public:
    Child() {
        REQUIRE(::pipe(ends_.data()) == 0);
        pid = ::fork();
        if (pid == 0) {
            ::close(ends_[1]);
            char byte = 0;
            (void)!::read(ends_[0], &byte, 1);
            ::_exit(6);
        }
    }
    ~Child() {
        ::close(ends_[1]); // the child ends by that
        ::waitpid(pid, nullptr, 0);
        ::close(ends_[0]);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    void refuse() { REQUIRE(::write(ends_[1], "x", 1) == 1); }

    pid_t pid = 0;

private:
    std::array<int, 2> ends_{};
};

bool wait_a_moment() {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    return false;
}

} // namespace

TEST_CASE("detach: a plan that is refused late is refused here, too, however long that takes") {
    const run::Scratch scratch;
    Child child;
    int said = 0;
    const auto say = [&] {
        if (++said == 3) {
            child.refuse();
        }
    };
    const auto ended =
        cli::wait_until_begun(child.pid, scratch.path, k_patience, say, wait_a_moment);
    CHECK(said >= 3);
    REQUIRE(ended.has_value());
    CHECK(*ended == 6);
}

TEST_CASE("detach: a run has begun with its control socket, or without one with its first step") {
    for (const auto& [file, text] :
         {std::pair{"control.sock", ""}, std::pair{"timeline.ndjson", R"({"event":"step"})"}}) {
        const run::Scratch scratch;
        Child child;
        int said = 0;
        const auto say = [&] {
            if (++said == 2) {
                std::ofstream(scratch.path / file) << text;
            }
        };
        const auto ended =
            cli::wait_until_begun(child.pid, scratch.path, k_patience, say, wait_a_moment);
        CHECK(said >= 2);
        CHECK_FALSE(ended.has_value());
    }
}

TEST_CASE("detach: of a run that was asked to stop the end is waited for, also when it has begun") {
    const run::Scratch scratch;
    Child child;
    int paused = 0;
    int said = 0; // that it still checks, which is not so any more
    const auto say = [&] { said += paused > 0 ? 1 : 0; };
    const auto pause = [&] {
        if (++paused == 1) {
            std::ofstream(scratch.path / "control.sock") << "";
        } else if (paused == 3) {
            child.refuse();
        }
        wait_a_moment();
        return true;
    };
    CHECK(cli::wait_until_begun(child.pid, scratch.path, k_patience, say, pause) == 6);
    CHECK(paused >= 3);
    CHECK(said == 0);
}

TEST_CASE("detach: a pipe in the place of the timeline holds nobody up") {
    const run::Scratch scratch;
    const auto pipe = scratch.path / "timeline.ndjson";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    Child child;
    std::atomic<bool> over = false;
    std::atomic<bool> held_up = false;
    std::jthread helper([&] { // whoever waits at the pipe is let through, and seen
        for (int i = 0; i < 200 && !over; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
            const int fd = ::open(pipe.c_str(), O_WRONLY | O_NONBLOCK);
            if (fd >= 0) { // somebody reads
                held_up = true;
                ::close(fd);
            }
        }
    });
    int said = 0;
    const auto say = [&] {
        if (++said == 2) {
            child.refuse();
        }
    };
    const auto ended =
        cli::wait_until_begun(child.pid, scratch.path, k_patience, say, wait_a_moment);
    over = true;
    CHECK_FALSE(held_up);
    CHECK(ended == 6);
}
