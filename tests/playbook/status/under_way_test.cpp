// Which run an order, a wait or a note means when none is named.
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/folder_lock.hpp"

#include "temp_folder.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;

TEST_CASE("status: the run that is meant when none is named is the one that moves traffic") {
    const test::TempFolder state;
    /// Under way for as long as the value lives.
    const auto begin = [&](const std::string& run, std::string_view document) {
        const auto folder = state.path / "runs" / run;
        std::filesystem::create_directories(folder);
        REQUIRE(
            write_file_atomic(folder / "plan.json", R"({"target":"front","source":{}})").has_value()
        );
        REQUIRE(write_file_atomic(folder / "journal.ndjson", "").has_value());
        REQUIRE(write_file_atomic(folder / "run.json", document).has_value());
        return run::FolderLock::acquire(folder);
    };
    const auto meant = [&](bool takes_orders) {
        const auto found = run_under_way(state.path, takes_orders);
        return !found ? found.error().message : *found ? (*found)->run : "none";
    };
    begin("20260222T043100Z-cutover-0a1b2c3d", "{}"); // it died
    CHECK(meant(false) == "none");
    const std::string check = "20260222T043200Z-steady-state-0a1b2c3d";
    const auto checks = begin(check, R"({"mutates":false})");
    CHECK(meant(false) == check);
    CHECK(meant(true) == "none"); // it listens to nobody
    const std::string cutover = "20260222T043300Z-cutover-0a1b2c3d";
    const auto moves = begin(cutover, "{}");
    CHECK(meant(false) == cutover);
    CHECK(meant(true) == cutover);
    const std::string other = "20260222T043400Z-cutover-0a1b2c3d";
    const auto second = begin(other, "{}");
    for (const bool takes_orders : {false, true}) {
        CHECK(meant(takes_orders) == "2 runs are under way: " + cutover + ", " + other);
    }
}
