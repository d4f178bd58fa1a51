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

namespace {

constexpr std::string_view k_moved_to_v2 =
    R"({"seq":1,"at":"a","phase":"begin","to":{"v1":100,"v2":0}}
{"seq":2,"at":"b","phase":"intent","step":"shift@50%","to":{"v1":50,"v2":50}}
{"seq":3,"at":"c","phase":"done","step":"shift@50%","to":{"v1":50,"v2":50}}
)";

/// A cutover that moved traffic, and whose journal ends with `end`.
std::filesystem::path
ended_cutover(const test::TempFolder& state, std::string_view end, std::string_view document) {
    const auto folder = state.path / "runs" / "20260222T043300Z-cutover-0a1b2c3d";
    std::filesystem::create_directories(folder);
    const std::string journal = std::string(k_moved_to_v2) + std::string(end) + "\n";
    for (const auto& [name, text] :
         {std::pair<const char*, std::string_view>{
              "plan.json", R"({"target":"front","source":{}})"
          },
          {"journal.ndjson", journal},
          {"run.json", document}}) {
        REQUIRE(write_file_atomic(folder / name, text).has_value());
    }
    return folder;
}

} // namespace

TEST_CASE("status: a run that ended is under way until its process lets its folder go") {
    const test::TempFolder state;
    const auto folder =
        ended_cutover(state, R"({"seq":4,"at":"d","phase":"end","detail":"PASS exit 0"})", "{}");
    {
        const auto lock = run::FolderLock::acquire(folder); // it waits for its hooks
        const auto status = status_in(state.path, folder);
        CHECK(status.state == RunState::running);
        CHECK(status.holder == "a living process");
        CHECK(status.open.empty());
        CHECK(status.next.text().contains(" --wait-for done"));
        CHECK(run_under_way(state.path).value()->run == status.run);
    }
    CHECK(status_in(state.path, folder).state == RunState::ended);
    CHECK_FALSE(run_under_way(state.path).value().has_value());
}

TEST_CASE("status: what a run left open is told while its process still lives") {
    const test::TempFolder state;
    const auto folder = ended_cutover(
        state,
        R"({"seq":4,"at":"d","phase":"end","detail":"FAIL exit 8"})",
        R"({"exit_code":8,"held":true})"
    );
    const auto lock = run::FolderLock::acquire(folder);
    const auto status = status_in(state.path, folder);
    CHECK(status.state == RunState::running);
    CHECK(status.open == "its split was left as it is");
    CHECK(status.next.text().contains("rollback apply --run "));
}

TEST_CASE("status: a stopped process hides no rollback of its run that was not verified") {
    const test::TempFolder state;
    const auto folder = ended_cutover(
        state,
        R"({"seq":4,"at":"d","phase":"resumed"})"
        "\n"
        R"({"seq":5,"at":"e","phase":"end","detail":"rollback: FAIL exit 8","by":"rollback",)"
        R"("verdict":"FAIL","exit_code":8})",
        R"({"exit_code":8,"died":true,"rolled_back":{"exit_code":8}})"
    );
    REQUIRE(write_file_atomic(folder / "SHA256SUMS", "").has_value());
    const auto lock = run::FolderLock::acquire(folder); // as it holds the folder for its life
    const auto status = status_in(state.path, folder);
    CHECK(status.state == RunState::died);
    CHECK(status.open == "its rollback was not verified");
}
