#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/lane/id_map.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <array>
#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

struct Folder {
    std::filesystem::path path =
        std::filesystem::temp_directory_path() / ("oa-lane-" + random_hex(8));
    Folder() { std::filesystem::create_directories(path); }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
};

Result<std::unique_ptr<IdMap>> open(asio::io_context& context, const std::filesystem::path& path) {
    return IdMap::open(context.get_executor(), path, Millis(1), [](const Error& error) {
        FAIL(error.text());
    });
}

} // namespace

TEST_CASE("id map: the same client id means another thread for another owner") {
    asio::io_context context;
    const auto map = open(context, {}).value();
    map->put({"alice", "chat-1", "thread-a", 0});
    map->put({"bob", "chat-1", "thread-b", 2});
    REQUIRE(map->find("alice", "chat-1") != nullptr);
    CHECK(map->find("alice", "chat-1")->thread == "thread-a");
    CHECK(map->find("bob", "chat-1")->thread == "thread-b");
    CHECK(map->find("carol", "chat-1") == nullptr);
    CHECK(map->find("", "chat-1") == nullptr);
    CHECK(map->size() == 2);
}

TEST_CASE("id map: what was put is there after a restart") {
    const Folder folder;
    const auto file = folder.path / "deep" / "threads.json";
    {
        asio::io_context context;
        const auto map = open(context, file).value();
        map->put({"o", "a", "old", 0});
        map->put({"o", "a", "new", 3});
        REQUIRE(map->flush().has_value());
    }
    asio::io_context context;
    const auto map = open(context, file).value();
    REQUIRE(map->find("o", "a") != nullptr);
    CHECK(*map->find("o", "a") == ThreadRow{"o", "a", "new", 3});
    CHECK(
        (std::filesystem::status(file).permissions() & std::filesystem::perms::others_read) ==
        std::filesystem::perms::none
    );
}

TEST_CASE("id map: a change reaches the file by itself") {
    const Folder folder;
    const auto file = folder.path / "threads.json";
    asio::io_context context;
    const auto map = open(context, file).value();
    map->put({"o", "a", "t", 0});
    // The timer, then the writer's report: both are work of this context.
    while (!std::filesystem::exists(file)) {
        context.run_for(std::chrono::milliseconds(20));
        context.restart();
    }
    const auto rows = parse_rows(read_file(file).value(), "f").value();
    CHECK(rows == std::vector<ThreadRow>{{"o", "a", "t", 0}});
}

TEST_CASE("id map: two processes with one file keep each other's threads") {
    const Folder folder;
    const auto file = folder.path / "threads.json";
    asio::io_context context;
    const auto first = open(context, file).value();
    const auto second = open(context, file).value();
    first->put({"o", "from-first", "t1", 0});
    REQUIRE(first->flush().has_value());
    second->put({"o", "from-second", "t2", 0});
    REQUIRE(second->flush().has_value());
    const auto third = open(context, file).value();
    CHECK(third->find("o", "from-first") != nullptr);
    CHECK(third->find("o", "from-second") != nullptr);
}

TEST_CASE("id map: a file that is something else is refused and left alone") {
    struct Row {
        const char* name;
        std::string_view text;
    };
    static const std::array k_rows{
        Row{"no JSON", "thread ids"},
        Row{"another version", R"({"version":2,"threads":[]})"},
        Row{"no threads", R"({"version":1})"},
        Row{"a row without thread", R"({"version":1,"threads":[{"owner":"","id":"a"}]})"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const Folder folder;
        const auto file = folder.path / "threads.json";
        REQUIRE(write_file_atomic(file, row.text).has_value());
        asio::io_context context;
        const auto map = open(context, file);
        REQUIRE_FALSE(map.has_value());
        CHECK(map.error().code == Code::config);
        CHECK(map.error().where == file.string());
        CHECK(read_file(file).value() == row.text);
    }
}

TEST_CASE("id map: rows survive the round trip, whatever the thread id holds") {
    const std::vector<ThreadRow> rows{{"", "a", "t\"1\n", 0}, {"o@x", "b_-", "é", 12}};
    CHECK(parse_rows(format_rows(rows), "f").value() == rows);
    CHECK(parse_rows(format_rows({}), "f").value().empty());
}

TEST_CASE("id map: a failed write is reported, and tried again") {
    const Folder folder;
    const auto blocked = folder.path / "blocked";
    REQUIRE(write_file_atomic(blocked, "a file where a folder is needed").has_value());
    asio::io_context context;
    int problems = 0;
    const auto map = IdMap::open(
                         context.get_executor(),
                         blocked / "threads.json",
                         Millis(1),
                         [&problems](const Error&) { ++problems; }
    ).value();
    map->put({"o", "a", "t", 0});
    while (problems == 0) {
        context.run_for(std::chrono::milliseconds(20));
        context.restart();
    }
    std::filesystem::remove(blocked);
    while (!std::filesystem::exists(blocked / "threads.json")) {
        context.run_for(std::chrono::milliseconds(20));
        context.restart();
    }
    CHECK(parse_rows(read_file(blocked / "threads.json").value(), "f").value().size() == 1);
}
