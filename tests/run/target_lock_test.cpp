#include "oa_stream/base/file.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/run/target_lock.hpp"

#include "full_disk.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <optional>

using namespace oa_stream;
using namespace oa_stream::run;

namespace {

/// Another process that holds the lock of "t" until it is killed.
class Holder {
public:
    explicit Holder(const std::filesystem::path& state) {
        std::array<int, 2> ready{};
        REQUIRE(::pipe(ready.data()) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            const auto lock = TargetLock::acquire(state, "t", {{"run", "r"}});
            (void)!::write(ready[1], lock ? "y" : "n", 1);
            ::pause();
            ::_exit(0);
        }
        char answer = 0;
        REQUIRE(::read(ready[0], &answer, 1) == 1);
        CHECK(answer == 'y');
        ::close(ready[0]);
        ::close(ready[1]);
    }
    /// It is dead then, and not reaped yet.
    void kill() const {
        ::kill(pid_, SIGKILL);
        siginfo_t ended{};
        REQUIRE(::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) == 0);
    }
    void reap() const { ::waitpid(pid_, nullptr, 0); }

private:
    pid_t pid_ = -1;
};

} // namespace

TEST_CASE("lock: the second one is refused with who and since when, the next target is free") {
    const test::TempFolder state;
    const auto first = TargetLock::acquire(state.path, "front:a", {{"run", "r1"}});
    REQUIRE(first.has_value());
    const auto second = TargetLock::acquire(state.path, "front:a", {{"run", "r2"}});
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::conflict);
    CHECK(exit_code(second.error().code) == ExitCode::refused);
    CHECK(second.error().message.find(std::to_string(::getpid())) != std::string::npos);
    CHECK(second.error().message.find("since 20") != std::string::npos);
    CHECK(second.error().message.find("run r1") != std::string::npos);
    CHECK(second.error().hint == "oa-stream cutover status --run r1 --wait-for done");
    CHECK(TargetLock::acquire(state.path, "front:b", {}).has_value());
}

TEST_CASE("lock: whose name a holder has not replaced yet is not said to hold it") {
    const test::TempFolder state;
    const auto holder = TargetLock::acquire(state.path, "t", {{"run", "r1"}});
    REQUIRE(holder.has_value());
    // As between taking a dead process's lock and the new owner's line.
    const auto file = std::filesystem::directory_iterator(state.path / "locks")->path();
    Json dead = *parse_json(*read_file(file));
    dead["pid_start"] = 1;
    std::ofstream(file) << dump_json(dead); // the same file, unlike with a replacement
    const auto refused = TargetLock::acquire(state.path, "t", {});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::conflict);
    CHECK(refused.error().message == "t is being worked on by another process, just begun");
}

TEST_CASE("lock: gone with its holder, by the end of its life or by death") {
    const test::TempFolder state;
    {
        auto lock = TargetLock::acquire(state.path, "t", {});
        REQUIRE(lock.has_value());
        const TargetLock moved = std::move(*lock);
        CHECK_FALSE(TargetLock::acquire(state.path, "t", {}).has_value());
    }
    CHECK(std::filesystem::is_empty(state.path / "locks"));
    CHECK(TargetLock::acquire(state.path, "t", {}).has_value());

    const Holder other(state.path);
    CHECK_FALSE(TargetLock::acquire(state.path, "t", {}).has_value());
    other.kill();
    other.reap();
    CHECK(TargetLock::acquire(state.path, "t", {}).has_value());
}

TEST_CASE("lock: who holds it can be told without taking it; the dead do not hold") {
    const test::TempFolder folder;
    CHECK_FALSE(TargetLock::holder(folder.path, "one").has_value());
    {
        const auto lock = TargetLock::acquire(folder.path, "one", {{"run", "r1"}});
        REQUIRE(lock.has_value());
        const auto holder = TargetLock::holder(folder.path, "one");
        REQUIRE(holder.has_value());
        CHECK(string_member(*holder, "run") == "r1");
        CHECK(int_member(*holder, "pid") == ::getpid());
        CHECK(TargetLock::holder(folder.path, "one") == holder); // it does not change by itself
        for (const char* key : {"pid_start", "boot"}) {
            Json other = *holder; // the same number, another process; or another boot
            other[key] = key == std::string_view("boot") ? Json("another") : Json(1);
            const auto file = std::filesystem::directory_iterator(folder.path / "locks")->path();
            REQUIRE(write_file_atomic(file, dump_json(other)).has_value());
            CHECK_FALSE(TargetLock::holder(folder.path, "one").has_value());
        }
    }
}

TEST_CASE("lock: a holder that was killed and is not reaped yet holds nothing") {
    const test::TempFolder state;
    const Holder other(state.path);
    CHECK(TargetLock::holder(state.path, "t").has_value());
    other.kill();
    CHECK_FALSE(TargetLock::holder(state.path, "t").has_value());
    other.reap();
}

TEST_CASE("lock: what is taken over is no more the former holder's, and stays the new one's") {
    const test::TempFolder state;
    auto stopped = TargetLock::acquire(state.path, "t", {{"run", "r"}});
    REQUIRE(stopped.has_value());
    CHECK(stopped->check().has_value());
    {
        const auto taken = TargetLock::take_over(state.path, "t", {{"run", "r"}});
        REQUIRE(taken.has_value());
        CHECK(taken->check().has_value());
        const auto refused = stopped->check();
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::conflict);
        CHECK(refused.error().message.find("took this run over") != std::string::npos);
        CHECK(TargetLock::holder(state.path, "t")->at("generation") == 2);
        CHECK_FALSE(TargetLock::acquire(state.path, "t", {}).has_value());
    }
    CHECK(std::filesystem::is_empty(state.path / "locks"));
    // Whoever took it over is done, and its file gone: the former holder still has no say.
    CHECK(stopped->check().error().message.find("took this run over") != std::string::npos);
    CHECK(std::filesystem::is_empty(state.path / "locks"));
    const auto next = TargetLock::acquire(state.path, "t", {});
    stopped = fail(Code::internal, "its end"); // removes nothing of the new one
    CHECK(next->check().has_value());
    CHECK_FALSE(TargetLock::acquire(state.path, "t", {}).has_value());
}

TEST_CASE("lock: a holder whose file somebody removed takes it again, unless another one has") {
    const test::TempFolder state;
    const auto remove_file = [&] {
        std::filesystem::remove(std::filesystem::directory_iterator(state.path / "locks")->path());
    };
    {
        const auto lock = TargetLock::acquire(state.path, "t", {{"run", "r"}});
        remove_file();
        CHECK(lock->check().has_value());
        CHECK(string_member(*TargetLock::holder(state.path, "t"), "run") == "r");
        CHECK_FALSE(TargetLock::acquire(state.path, "t", {}).has_value());
        remove_file();
        const auto other = TargetLock::acquire(state.path, "t", {{"run", "other"}});
        REQUIRE(other.has_value());
        CHECK(lock->check().error().code == Code::conflict);
        CHECK(other->check().has_value());
    }
    CHECK(std::filesystem::is_empty(state.path / "locks"));
}

TEST_CASE("lock: a holder that cannot take its removed file again says why, and leaves none") {
    const test::TempFolder state;
    const auto lock = TargetLock::acquire(state.path, "t", {{"run", "r"}});
    REQUIRE(lock.has_value());
    std::filesystem::remove(std::filesystem::directory_iterator(state.path / "locks")->path());
    {
        const FullDisk full(true);
        const auto refused = lock->check();
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Code::io);
        CHECK(
            refused.error().message == "the lock's file was removed, and there is no new one: "
                                       "cannot write the lock: File too large"
        );
        CHECK(std::filesystem::is_empty(state.path / "locks"));
    }
    CHECK(lock->check().has_value()); // there is room again
    CHECK(string_member(*TargetLock::holder(state.path, "t"), "run") == "r");
    CHECK_FALSE(TargetLock::acquire(state.path, "t", {}).has_value());
}

TEST_CASE("lock: a link, a folder or a pipe in its place is named and left as it is") {
    const test::TempFolder state;
    {
        REQUIRE(TargetLock::acquire(state.path, "t", {}).has_value());
    }
    const auto first = TargetLock::acquire(state.path, "t", {});
    REQUIRE(first.has_value());
    const auto lock = std::filesystem::directory_iterator(state.path / "locks")->path();
    const auto victim = state.path / "victim";
    REQUIRE(write_file_atomic(victim, "precious").has_value());
    const auto refused = [&](std::string_view says) {
        const auto got = TargetLock::acquire(state.path, "t", {});
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::io);
        CHECK(got.error().message.find(says) != std::string::npos);
        CHECK(got.error().where == lock.string());
    };
    std::filesystem::remove(lock);
    std::filesystem::create_symlink(victim, lock);
    refused("a symbolic link is in the place of the lock");
    CHECK(read_file(victim).value() == "precious");
    std::filesystem::remove(lock);
    std::filesystem::create_directory(lock);
    refused("a folder is in the place of the lock");
    std::filesystem::remove(lock);
    REQUIRE(::mkfifo(lock.c_str(), 0600) == 0);
    refused("something that is not a regular file is in the place of the lock");
}

TEST_CASE("lock: who shares its folder by a group may take it, and nobody else") {
    for (const auto& [umask, mode] : {std::pair(022U, 0600U), std::pair(002U, 0660U)}) {
        const test::TempFolder state;
        const mode_t before = ::umask(umask);
        const auto lock = TargetLock::acquire(state.path, "t", {});
        ::umask(before);
        REQUIRE(lock.has_value());
        const auto file = std::filesystem::directory_iterator(state.path / "locks")->path();
        struct stat facts{};
        REQUIRE(::stat(file.c_str(), &facts) == 0);
        CHECK((facts.st_mode & 0777U) == mode);
    }
}
