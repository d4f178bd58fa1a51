#include "full_disk.hpp"
#include "store/id_map_file.hpp"
#include "store/thread_log.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::lane;
using namespace oa_stream::test;

namespace {

std::string line(const char* id) {
    std::string out;
    append_line(out, {.owner = "o", .id = id, .thread = "t"});
    return out;
}

} // namespace

TEST_CASE("id map file: what was found while the disk was full is reported afterwards") {
    const TempFolder folder;
    const auto path = folder.path / "threads.map";
    IdMapFile one(path);
    IdMapFile other(path);
    REQUIRE(one.append(line("a"), true));
    REQUIRE(other.append(line("b"), true));
    const auto append_without_room = [&one] {
        const FullDisk disk(true);
        return one.append(line("c"), true).has_value();
    };

    SECTION("lines of another process") {
        REQUIRE_FALSE(append_without_room());
        const auto later = one.append(line("c"), true);
        REQUIRE(later);
        REQUIRE(later->foreign.size() == 1);
        CHECK(later->foreign.front() == line("b"));
        CHECK_FALSE(later->whole);
        CHECK_FALSE(later->vanished);
        CHECK(one.append(line("d"), true).value().foreign.empty());
    }
    SECTION("a file that was removed, and one that another process began instead") {
        std::filesystem::remove(path);
        REQUIRE_FALSE(append_without_room());
        const bool begun = GENERATE(false, true);
        if (begun) {
            std::filesystem::remove(path);
            REQUIRE(IdMapFile(path).append(line("b"), true));
        }
        const auto later = one.append(line("c"), true);
        REQUIRE(later);
        CHECK(later->whole);
        CHECK(later->vanished);
        CHECK(later->foreign.size() == (begun ? 1 : 0));
    }
}
