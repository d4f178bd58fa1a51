// What a run whose files cannot be read forbids.
#include "oa_stream/base/file.hpp"
#include "oa_stream/run/finished_mark.hpp"

#include "status/finished.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;
namespace fs = std::filesystem;

TEST_CASE("plan: nothing is built upon a dead run whose target cannot be read") {
    const test::TempFolder state;
    const auto begin = [&](const std::string& run, std::string_view plan) {
        const fs::path folder = state.path / "runs" / run;
        fs::create_directories(folder);
        REQUIRE(write_file_atomic(folder / "plan.json", plan).has_value());
        REQUIRE(write_file_atomic(folder / "run.json", "{").has_value());
        REQUIRE(
            write_file_atomic(
                folder / "journal.ndjson",
                R"({"seq":1,"at":"a","phase":"begin","to":{"v1":100,"v2":0}})"
                "\n"
                R"({"seq":2,"at":"b","phase":"intent","step":"shift@50%","to":{"v1":50,"v2":50}})"
                "\n"
            )
                .has_value()
        );
        return folder;
    };
    // Routes alone, or lanes of its own: no target's traffic.
    begin("20260222T043500Z-route-split-0a1b2c3d", "{");
    begin("20260222T043501Z-rehearsal-0a1b2c3d", "{");
    CHECK(check_nothing_undone(state.path, "front").has_value());

    const std::string name = "20260222T043600Z-cutover-0a1b2c3d";
    const fs::path run = begin(name, "{");
    const auto refused = check_nothing_undone(state.path, "front");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(
        refused.error().message == "run " + name +
                                       " is not over on an unknown target: it cannot be read "
                                       "whether its traffic is back (plan.json: is not whole)"
    );
    CHECK(refused.error().hint.text().ends_with("oa-stream cutover abandon --run " + name));
    REQUIRE(run::mark_finished(run, "x on y", "given up", "x").has_value());
    CHECK(check_nothing_undone(state.path, "front").has_value());
}
