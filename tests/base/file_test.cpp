#include "oa_stream/base/file.hpp"

#include "full_disk.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>

using namespace oa_stream;

TEST_CASE("files: an atomic write replaces the whole and leaves no temporary behind") {
    const test::TempFolder dir;
    const auto file = dir.path / "state.json";
    REQUIRE(write_file_atomic(file, "one", 0600).has_value());
    REQUIRE(write_file_atomic(file, "two", 0600).has_value());
    CHECK(read_file(file).value() == "two");
    struct stat info{};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    CHECK(std::distance(std::filesystem::directory_iterator(dir.path), {}) == 1);
}

TEST_CASE("files: an atomic write goes through a link, into a pipe, and never replaces either") {
    const test::TempFolder dir;
    const auto real = dir.path / "real.json";
    const auto link = dir.path / "link.json";
    REQUIRE(write_file_atomic(real, "one").has_value());
    std::filesystem::create_symlink("real.json", link);
    REQUIRE(write_file_atomic(link, "two").has_value());
    CHECK(std::filesystem::is_symlink(link));
    CHECK(read_file(real).value() == "two");
    std::filesystem::remove(real); // a link to a file that is still to come
    std::filesystem::create_symlink(link, dir.path / "far.json");
    REQUIRE(write_file_atomic(dir.path / "far.json", "first").has_value());
    CHECK(std::filesystem::is_symlink(link));
    CHECK(std::filesystem::is_symlink(dir.path / "far.json"));
    CHECK(read_file(real).value() == "first");

    const auto pipe = dir.path / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK);
    REQUIRE(reader >= 0);
    REQUIRE(write_file_atomic(pipe, "three").has_value());
    std::array<char, 16> got{};
    CHECK(::read(reader, got.data(), got.size()) == 5);
    CHECK(std::string_view(got.data()) == "three");
    ::close(reader);
    CHECK(std::filesystem::is_fifo(pipe));

    const auto full = write_file_atomic("/dev/full", "four");
    REQUIRE(!full.has_value());
    CHECK(full.error().code == Code::io);
    CHECK(std::filesystem::is_character_file("/dev/full"));
}

TEST_CASE("files: memory below /dev is a folder like others") {
    if (!std::filesystem::is_directory("/dev/shm")) { // not in every root
        return;
    }
    const auto file = fmt::format("/dev/shm/oa-test-{}.json", ::getpid());
    const auto written = write_file_atomic(file, "one");
    const auto text = read_file(file);
    ::unlink(file.c_str());
    REQUIRE(written.has_value());
    CHECK(text.value() == "one");
}

TEST_CASE("files: a write that cannot be made says where, and keeps the old content") {
    const test::TempFolder dir;
    const auto failed = write_file_atomic(dir.path / "none" / "x", "y");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Code::io);
    CHECK(failed.error().where.ends_with("none/x"));
}

TEST_CASE("files: reading is capped, and a missing file is unreadable") {
    const test::TempFolder dir;
    REQUIRE(write_file_atomic(dir.path / "f", "12345").has_value());
    CHECK(read_file(dir.path / "f", 4).error().code == Code::unreadable);
    CHECK(read_file(dir.path / "f", 5).value() == "12345");
    CHECK(read_file(dir.path / "none").error().code == Code::unreadable);
    CHECK(read_file(dir.path).error().code == Code::unreadable);
}

TEST_CASE("files: one that is too large is refused before it is read") {
    const auto read_so_far = [] { // by this process, in bytes
        std::ifstream io("/proc/self/io");
        std::string name;
        std::uint64_t bytes = 0;
        REQUIRE(io >> name >> bytes);
        REQUIRE(name == "rchar:");
        return bytes;
    };
    const test::TempFolder dir;
    const auto file = dir.path / "large";
    constexpr std::uint64_t k_limit = std::uint64_t{64} << 20U;
    REQUIRE(write_file_atomic(file, "").has_value());
    std::filesystem::resize_file(file, k_limit + 1); // it takes no blocks
    const auto before = read_so_far();
    CHECK(read_file(file, k_limit).error().message == "larger than 67108864 bytes");
    CHECK(read_so_far() - before < 65536);
}

TEST_CASE("files: appended lines add up over two openings") {
    const test::TempFolder dir;
    const auto file = dir.path / "j.ndjson";
    for (const auto* line : {"a", "b"}) {
        auto appender = LineAppender::open(file, LineAppender::Durability::synced);
        REQUIRE(appender.has_value());
        REQUIRE(appender->append(line).has_value());
    }
    CHECK(read_file(file).value() == "a\nb\n");
}

TEST_CASE("files: a line that a crash has torn stays alone, and the next begins on its own") {
    const test::TempFolder dir;
    const auto file = dir.path / "j.ndjson";
    REQUIRE(write_file_atomic(file, "a\n{\"event\":\"st").has_value());
    auto appender = LineAppender::open(file, LineAppender::Durability::synced);
    REQUIRE(appender.has_value());
    {
        const FullDisk disk(true);
        CHECK_FALSE(appender->append("b").has_value());
    }
    REQUIRE(appender->append("b").has_value());
    REQUIRE(appender->append("c").has_value());
    CHECK(appender->end() == std::filesystem::file_size(file));
    CHECK(read_file(file).value() == "a\n{\"event\":\"st\nb\nc\n");
}

TEST_CASE("files: a line of a file that was removed is not on disk, and says so") {
    const test::TempFolder dir;
    const auto file = dir.path / "j.ndjson";
    auto appender = LineAppender::open(file, LineAppender::Durability::synced);
    REQUIRE(appender.has_value());
    REQUIRE(appender->append("a").has_value());
    std::filesystem::rename(file, dir.path / "moved.ndjson"); // it is still there
    CHECK(appender->append("b").has_value());
    std::filesystem::remove(dir.path / "moved.ndjson");
    const auto lost = appender->append("c");
    REQUIRE_FALSE(lost.has_value());
    CHECK(lost.error().code == Code::io);
    CHECK(lost.error().text().contains("the file was removed"));
}

TEST_CASE("files: a line that a full disk did not take is told with the name of its file") {
    const test::TempFolder dir;
    const auto file = dir.path / "notes.ndjson";
    auto appender = LineAppender::open(file, LineAppender::Durability::synced);
    REQUIRE(appender.has_value());
    const auto refused = [&] {
        const FullDisk disk(true);
        return appender->append("a line");
    }();
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().where == std::filesystem::canonical(file).string());
    CHECK(refused.error().message.starts_with("cannot write: "));
}

TEST_CASE("files: a pipe is appended to while somebody reads it, and never waited for") {
    const test::TempFolder dir;
    const auto pipe = dir.path / "pipe";
    REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
    const auto alone = LineAppender::open(pipe, LineAppender::Durability::buffered);
    REQUIRE_FALSE(alone.has_value());
    CHECK(alone.error().code == Code::io);
    CHECK(alone.error().message == "cannot open: nobody reads this pipe");
    const auto lost = LineAppender::open(dir.path / "no/log", LineAppender::Durability::buffered);
    REQUIRE_FALSE(lost.has_value());
    CHECK(lost.error().hint.text() == "create its folder");

    const int reader = ::open(pipe.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(reader >= 0);
    auto appender = LineAppender::open(pipe, LineAppender::Durability::buffered);
    REQUIRE(appender.has_value());
    const std::string line(1000, 'x');
    Result<void> written;
    for (int n = 0; written && n < 100'000; ++n) {
        written = appender->append(line);
    }
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().message == "cannot write: the pipe is full");
    std::string read(8U << 10U, '\0');
    REQUIRE(::read(reader, read.data(), read.size()) == static_cast<ssize_t>(read.size()));
    CHECK(appender->append(line).has_value());
    ::close(reader);
}

TEST_CASE("files: what cannot be looked at is an error, not an absent file") {
    const test::TempFolder dir;
    CHECK(look_for(dir.path).value());
    CHECK_FALSE(look_for(dir.path / "none").value());
    REQUIRE(write_file_atomic(dir.path / "file", "text").has_value());
    CHECK_FALSE(look_for(dir.path / "file" / "below").value());
    const auto circle = dir.path / "circle";
    std::filesystem::create_symlink("circle", circle);
    const auto unknown = look_for(circle / "file");
    REQUIRE_FALSE(unknown.has_value());
    CHECK(unknown.error().code == Code::io);
    CHECK(unknown.error().where == (circle / "file").string());
}
