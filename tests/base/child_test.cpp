#include "oa_stream/base/child.hpp"
#include "oa_stream/base/process.hpp"

#include "temp_folder.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <tuple>

using namespace oa_stream;

namespace {

template <class Fn> void run(Fn body) {
    asio::io_context io;
    std::exception_ptr thrown;
    asio::co_spawn(io, body(io.get_executor()), [&](std::exception_ptr e) { thrown = e; });
    io.run();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

ChildOptions shell(std::string script) {
    return {
        .program = "/bin/sh", .args = {"-c", std::move(script)}, .env = inherited_env({"PATH"})
    };
}

Task<std::string> read_all(Child& child) {
    std::string all;
    for (;;) {
        auto piece = co_await child.read_stdout();
        if (!piece || piece->empty()) {
            co_return all;
        }
        all += *piece;
    }
}

std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

/// Of this process, for good.
bool refuse_pidfd_open() {
    std::array<sock_filter, 4> program{
        sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0), // the number of the system call
        sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_open, 0, 1),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EMFILE),
        sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog filter{program.size(), program.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/// How often this thread has slept.
long sleeps() {
    rusage used{};
    REQUIRE(::getrusage(RUSAGE_THREAD, &used) == 0);
    return used.ru_nvcsw;
}

} // namespace

TEST_CASE("child: what it writes in a pause wakes nobody, and is read behind it") {
    run([](asio::any_io_executor executor) -> Task<void> {
        auto child = Child::start(executor, shell("while :; do echo x; done"));
        REQUIRE(child.has_value());
        REQUIRE((co_await (*child)->read_stdout()).has_value());
        const auto before = sleeps();
        const auto began = Clock::now();
        const auto piece = co_await (*child)->read_stdout_after(Millis{100});
        CHECK(Clock::now() - began >= Millis{100});
        CHECK(sleeps() - before <= 5);
        REQUIRE(piece.has_value());
        CHECK(piece->size() > 1000);
        CHECK((co_await (*child)->read_stdout()).has_value());
    });
}

TEST_CASE("child: the end of one that ends in a pause is read behind it") {
    run([](asio::any_io_executor executor) -> Task<void> {
        auto child = Child::start(executor, shell("echo last"));
        REQUIRE(child.has_value());
        CHECK(co_await (*child)->read_stdout_after(Millis{50}) == "last\n");
        CHECK(co_await (*child)->read_stdout_after(Millis{1}) == "");
        CHECK((co_await (*child)->wait()).clean());
    });
}

TEST_CASE("child: dropped in a pause, its pipe is closed and the reader told") {
    run([](asio::any_io_executor executor) -> Task<void> {
        auto child = Child::start(executor, shell("exec sleep 1000"));
        REQUIRE(child.has_value());
        std::optional<Result<std::string>> told;
        asio::co_spawn(
            executor,
            (*child)->read_stdout_after(Millis{20}),
            [&](std::exception_ptr, Result<std::string> piece) { told = std::move(piece); }
        );
        std::ignore = co_await sleep_for(Millis{1});
        const auto open = open_descriptors();
        child->reset();
        CHECK(open_descriptors() == open - 3); // two pipes and the process
        while (!told) {
            std::ignore = co_await sleep_for(Millis{5});
        }
        CHECK_FALSE(told->has_value());
    });
}

TEST_CASE("child: output, exit code and an environment that is ours alone") {
    ::setenv("OA_LEAK", "leaked", 1);
    run([](asio::any_io_executor executor) -> Task<void> {
        auto options = shell("echo \"[$OA_LEAK][$GIVEN]\"; exit 3");
        options.env["GIVEN"] = "yes";
        auto child = Child::start(executor, options);
        REQUIRE(child.has_value());
        const std::string output = co_await read_all(**child);
        CHECK(output == "[][yes]\n");
        const ChildExit exit = co_await (*child)->wait();
        CHECK(exit.code == 3);
        CHECK(exit.text() == "exit 3");
    });
}

TEST_CASE("child: what is open here is not open there") {
    const int secret = ::open("/dev/null", O_RDONLY); // as a shell leaves 9<FILE
    REQUIRE(secret > STDERR_FILENO);
    run([&](asio::any_io_executor executor) -> Task<void> {
        auto child = Child::start(
            executor, shell("[ -e /proc/self/fd/" + std::to_string(secret) + " ] && echo open")
        );
        REQUIRE(child.has_value());
        CHECK(co_await read_all(**child) == "");
        CHECK((co_await (*child)->wait()).code == 1);
    });
    ::close(secret);
}

TEST_CASE("child: a folder in PATH that is named like a program hides none") {
    const test::TempFolder folder;
    std::filesystem::create_directory(folder.path / "sh");
    const std::string before(std::getenv("PATH"));
    ::setenv("PATH", (folder.path.string() + ":" + before).c_str(), 1);
    const std::string found = find_program("sh");
    ::setenv("PATH", before.c_str(), 1);
    CHECK(found.ends_with("/sh"));
    CHECK(found != folder.file("sh"));
}

TEST_CASE("child: stdin is piped and its end ends the child") {
    run([](asio::any_io_executor executor) -> Task<void> {
        ChildOptions options{
            .program = "cat", .args = {}, .env = inherited_env({"PATH"}), .pipe_stdin = true
        };
        auto child = Child::start(executor, options);
        REQUIRE(child.has_value());
        const std::string big(300000, 'x');
        REQUIRE((co_await (*child)->write_stdin("hello ")).has_value());
        std::string got;
        asio::co_spawn(executor, (*child)->write_stdin(big), [&](std::exception_ptr, Result<void>) {
            (*child)->close_stdin();
        });
        got = co_await read_all(**child);
        CHECK(got == "hello " + big);
        CHECK((co_await (*child)->wait()).clean());
    });
}

TEST_CASE("child: a program that does not exist is named") {
    run([](asio::any_io_executor executor) -> Task<void> {
        for (const auto* name : {"no-such-program-oa", "/no/such/program"}) {
            auto child = Child::start(executor, {.program = name, .args = {}, .env = {}});
            REQUIRE_FALSE(child.has_value());
            CHECK(child.error().code == Code::unavailable);
            CHECK(child.error().text().contains(name));
        }
        co_return;
    });
}

TEST_CASE("child: what is ignored here ends a program as it does anywhere else") {
    const int number = GENERATE(SIGPIPE, SIGXFSZ);
    auto* const before = std::signal(number, SIG_IGN);
    run([&](asio::any_io_executor executor) -> Task<void> {
        auto child = Child::start(
            executor, shell("ulimit -c 0; kill -" + std::to_string(number) + " $$; echo alive")
        );
        REQUIRE(child.has_value());
        const ChildExit exit = co_await (*child)->wait();
        CHECK(exit.signal == number);
    });
    (void)std::signal(number, before);
}

TEST_CASE("child: stop kills the whole group of one that ignores TERM") {
    run([](asio::any_io_executor executor) -> Task<void> {
        auto child = Child::start(
            executor, shell("trap '' TERM; sleep 1000 & echo $!; wait; wait; sleep 1000")
        );
        REQUIRE(child.has_value());
        auto line = co_await (*child)->read_stdout();
        REQUIRE(line.has_value());
        const int grandchild = std::stoi(*line);
        const ChildExit exit = co_await (*child)->stop(Millis{50});
        CHECK(exit.signal == SIGKILL);
        // The group was killed; init reaps the grandchild, so it is gone or a zombie for a moment.
        for (int i = 0; i < 200 && ::kill(grandchild, 0) == 0; ++i) {
            std::ignore = co_await sleep_for(Millis{10});
        }
        const auto left = process_state(grandchild);
        CHECK((!left || left->state == 'Z'));
    });
}

TEST_CASE("child: dropping it kills and reaps") {
    run([](asio::any_io_executor executor) -> Task<void> {
        auto child = Child::start(executor, shell("sleep 1000"));
        REQUIRE(child.has_value());
        const int pid = (*child)->pid();
        child->reset();
        CHECK(::kill(pid, 0) == -1);
        co_return;
    });
}

TEST_CASE("process state: of a stopped child, and none of a reaped one") {
    run([](asio::any_io_executor executor) -> Task<void> {
        auto child = Child::start(executor, shell("sleep 1000"));
        REQUIRE(child.has_value());
        const int pid = (*child)->pid();
        const auto living = process_state(pid);
        REQUIRE(living.has_value());
        CHECK(living->start > 0);
        REQUIRE(::kill(pid, SIGSTOP) == 0);
        for (int i = 0; i < 200 && process_state(pid)->state != 'T'; ++i) {
            std::ignore = co_await sleep_for(Millis{10});
        }
        CHECK(process_state(pid)->state == 'T');
        CHECK(process_state(pid)->start == living->start);
        child->reset();
        CHECK_FALSE(process_state(pid));
    });
}

TEST_CASE("child: one that cannot be watched is a failure, and is gone") {
    enum { passed, no_filter, started, thrown, left };
    const auto pid = ::fork(); // the filter stays
    if (pid == 0) {
        int outcome = no_filter;
        if (refuse_pidfd_open()) {
            try {
                asio::io_context io;
                const auto child = Child::start(io.get_executor(), shell("sleep 60"));
                const bool reaped = ::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD;
                outcome = child ? started : reaped ? passed : left;
            } catch (const std::exception&) {
                outcome = thrown;
            }
        }
        ::_exit(outcome);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == passed);
}
