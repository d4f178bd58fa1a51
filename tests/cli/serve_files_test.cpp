#include "oa_stream/base/file.hpp"

#include "serve/serve_files.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::cli;

TEST_CASE("serve's files: a switch that cannot be looked at is not an absent one") {
    const test::TempFolder folder;
    const auto circle = folder.path / "circle";
    std::filesystem::create_symlink("circle", circle);
    ServeOptions options;
    options.lane_file = circle / "lane";
    options.log_level_file = circle / "level";
    for (const auto when : {ReadAt::start, ReadAt::reload}) {
        CHECK(read_lane_file(options, when).error().code == Code::io);
        CHECK(read_log_level_file(options, when).error().code == Code::io);
    }
    options.lane_file = folder.path / "lane";
    CHECK(read_lane_file(options, ReadAt::start).has_value());
    CHECK(read_lane_file(options, ReadAt::reload).error().code == Code::not_found);
    REQUIRE(write_file_atomic(options.lane_file, "off\n").has_value());
    CHECK(read_lane_file(options, ReadAt::start).has_value());
    CHECK(options.lane.mode == lane::LaneMode::off);
}
