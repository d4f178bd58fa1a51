#include "oa_stream/base/file.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/run/target_lock.hpp"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <optional>

using namespace oa_stream;
using namespace oa_stream::run;

namespace {

struct StateDir {
    StateDir() {
        std::string pattern = (std::filesystem::temp_directory_path() / "oa-lock-XXXXXX").string();
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path = pattern;
    }
    StateDir(const StateDir&) = delete;
    StateDir& operator=(const StateDir&) = delete;
    ~StateDir() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
};

} // namespace

TEST_CASE("lock: the second one is refused with who and since when, the next target is free") {
    const StateDir state;
    const auto first = TargetLock::take(state.path, "front:a", {{"run", "r1"}});
    REQUIRE(first.has_value());
    const auto second = TargetLock::take(state.path, "front:a", {{"run", "r2"}});
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Code::conflict);
    CHECK(exit_code(second.error().code) == ExitCode::refused);
    CHECK(second.error().message.find(std::to_string(::getpid())) != std::string::npos);
    CHECK(second.error().message.find("since 20") != std::string::npos);
    CHECK(second.error().message.find("run r1") != std::string::npos);
    CHECK(TargetLock::take(state.path, "front:b", {}).has_value());
}

TEST_CASE("lock: gone with its holder, by the end of its life or by death") {
    const StateDir state;
    {
        auto lock = TargetLock::take(state.path, "t", {});
        REQUIRE(lock.has_value());
        const TargetLock moved = std::move(*lock);
        CHECK_FALSE(TargetLock::take(state.path, "t", {}).has_value());
    }
    CHECK(std::filesystem::is_empty(state.path / "locks"));
    CHECK(TargetLock::take(state.path, "t", {}).has_value());

    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto held = TargetLock::take(state.path, "t", {});
        const char answer = held.has_value() ? 'y' : 'n';
        (void)!::write(ready[1], &answer, 1);
        ::pause();
        ::_exit(0);
    }
    char answer = 0;
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    CHECK_FALSE(TargetLock::take(state.path, "t", {}).has_value());
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(TargetLock::take(state.path, "t", {}).has_value());
    ::close(ready[0]);
    ::close(ready[1]);
}

TEST_CASE("lock: who holds it can be told without taking it; the dead do not hold") {
    const StateDir folder;
    CHECK_FALSE(TargetLock::holder(folder.path, "one").has_value());
    {
        const auto lock = TargetLock::take(folder.path, "one", {{"run", "r1"}});
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
