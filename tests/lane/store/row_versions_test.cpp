// Which of two copies of a row is the newer one: what the shared store said of it, kept on disk.
#include "../id_map_support.hpp"
#include "store/thread_log.hpp"

#include <map>

using namespace oa_stream;
using namespace oa_stream::lane;
using namespace oa_stream::test;

TEST_CASE("row versions: one stands behind the marks of its line, and none is not written") {
    std::string with;
    append_line(with, {.owner = "o", .id = "a", .thread = "t", .version = 1'764'000'000'123});
    CHECK(with.ends_with("\t0\t\t\t1764000000123\n"));
    std::string without;
    append_line(without, {.owner = "o", .id = "b", .thread = "t", .archived = true});
    CHECK(without.ends_with("\t0\t\ta\n"));
    std::map<std::string, std::uint64_t> versions;
    ThreadLogReader reader(
        [&](const RowView& row) { versions[std::string(row.id)] = row.version; }, false
    );
    reader.feed(with + without);
    CHECK(versions == std::map<std::string, std::uint64_t>{{"a", 1'764'000'000'123}, {"b", 0}});
}

TEST_CASE("row versions: what the store gave is kept, and nothing lower takes its place") {
    const TempFolder folder;
    const auto file = folder.path / "threads.map";
    {
        MapStage stage(file);
        stage.map().put({"o", "chat", "t-1"});
        stage.map().note_version("o", "chat", 8);
        stage.map().note_version("o", "chat", 7);
        stage.map().note_version("o", "other", 9);
        stage.map().touch("o", "chat", 100);
        stage.map().archive("o", "chat", true);
        stage.map().describe({"o", "chat", "t-1", 0, "A title"});
        REQUIRE(stage.commit().has_value());
    }
    const MapStage again(file);
    const auto row = (*again.opened)->find("o", "chat");
    REQUIRE(row);
    CHECK(row->version == 8);
    CHECK(row->archived);
    CHECK_FALSE((*again.opened)->contains("o", "other"));
}

TEST_CASE("row versions: all rows of a map are told in parts") {
    const TempFolder folder;
    MapStage stage(folder.path / "threads.map");
    for (const auto* id : {"a", "b", "c", "d"}) {
        stage.map().put({"o", id, "t"});
    }
    stage.map().erase("o", "b");
    std::uint32_t place = 0;
    CHECK(stage.map().rows_from(place, 2).size() == 2);
    const auto rest = stage.map().rows_from(place, 2);
    REQUIRE(rest.size() == 1);
    CHECK(rest.front().id == "d");
    CHECK(stage.map().rows_from(place, 2).empty());
}
