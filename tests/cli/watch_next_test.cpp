// What watch tells to type when it says BAD, and that it stands on the screen whole.
#include "oa_stream/base/file.hpp"
#include "oa_stream/run/folder_lock.hpp"

#include "core/commands.hpp"
#include "scratch.hpp"
#include "watch/watch_next.hpp"
#include "watch/watch_render.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cmath>

using namespace oa_stream;
using namespace oa_stream::cli;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view k_journal =
    R"({"seq":1,"at":"a","phase":"begin","to":{"v1":100,"v2":0}})"
    "\n"
    R"({"seq":2,"at":"b","phase":"intent","step":"shift@50%","to":{"v1":50,"v2":50}})"
    "\n"
    R"({"seq":3,"at":"c","phase":"done","step":"shift@50%","to":{"v1":50,"v2":50}})"
    "\n";

/// A run that died after its first shift. A rehearsal on lanes of its own has no file to plan from.
void died(const fs::path& state, std::string_view run, std::string_view base_url, bool own_lanes) {
    const fs::path folder = state / "runs" / run;
    fs::create_directories(folder);
    const std::string plan = fmt::format(
        R"({{"schema":"oa-stream.plan.v1","target":"front","playbook":{{"target":{{"base_url":"{}"}},)"
        R"("traffic":{{"stable":"v1","canary":"v2"}}}}{},"steps":[{{"id":"shift@50%","mutates":true}}]}})",
        base_url,
        own_lanes ? "" : R"(,"source":{"file":"c.yaml"})"
    );
    REQUIRE(write_file_atomic(folder / "plan.json", plan).has_value());
    REQUIRE(write_file_atomic(folder / "journal.ndjson", k_journal).has_value());
}

struct Asked {
    explicit Asked(std::string url) {
        context.command = &watch_command;
        context.state_dir = scratch.path;
        if (url.contains("prometheus")) {
            watch.prometheus.emplace().prometheus.url = url;
            context.given.given["--prometheus"] = {std::move(url)};
        } else {
            watch.lanes.push_back({.base_url = std::move(url)});
        }
        watch.timing.window = Millis(40'000);
        view.guilty = {"v2"};
        view.parts = {{.name = "a", .revision = "v1"}, {.name = "b", .revision = "v2"}};
        view.broken.bad = true;
    }
    [[nodiscard]] std::string next() const { return watch_next(watch, view, context).text(); }

    run::Scratch scratch{};
    Context context{};
    WatchAsked watch{};
    WatchView view{};
};

} // namespace

TEST_CASE("watch next: only an open run that is surely of this target is rolled back") {
    constexpr std::string_view k_run = "20260222T043600Z-cutover-0a1b2c3d";
    struct Row {
        std::string_view watched;
        std::string_view base_url;
        bool own_lanes;
        std::string_view next;
    };
    constexpr std::string_view k_look =
        "oa-stream cutover status --run 20260222T043600Z-cutover-0a1b2c3d";
    constexpr std::string_view k_gate = "oa-stream slo gate";
    constexpr std::string_view k_smoke = "oa-stream smoke stream --base-url http://door:1";
    const std::array rows{
        Row{"http://door:1",
            "http://door:1/",
            false,
            "oa-stream rollback apply --run 20260222T043600Z-cutover-0a1b2c3d"},
        Row{"http://door:1", "http://door:12", false, k_look}, // a revision of it is called so, too
        Row{"http://prometheus:9", "http://door:1", false, k_look},
        Row{"http://door:1", "http://door:1", true, k_smoke}, // it moved lanes of its own
        Row{"http://prometheus:9", "http://door:1", true, k_gate},
    };
    for (const Row& row : rows) {
        CAPTURE(row.watched, row.base_url, row.own_lanes);
        const Asked asked{std::string(row.watched)};
        died(asked.scratch.path, k_run, row.base_url, row.own_lanes);
        CHECK_THAT(asked.next(), Catch::StartsWith(std::string(row.next)));
    }
    SECTION("a dry run under way has nothing to roll back, and hides no cutover that has") {
        const Asked asked("http://door:1");
        constexpr std::string_view k_newer = "20260222T053600Z-rehearsal-0a1b2c3d";
        died(asked.scratch.path, k_newer, "http://door:1", false);
        const fs::path folder = asked.scratch.path / "runs" / k_newer;
        REQUIRE(write_file_atomic(folder / "run.json", R"({"mutates":false})").has_value());
        const auto working = run::FolderLock::acquire(folder);
        CHECK(asked.next() == k_smoke);
        died(asked.scratch.path, k_run, "http://door:1", false);
        CHECK(asked.next() == fmt::format("oa-stream rollback apply --run {}", k_run));
    }
    SECTION("a run of revisions that are not seen here is none of its business") {
        Asked asked("http://prometheus:9");
        asked.view.parts = {{.name = "a", .revision = "r7"}};
        asked.view.guilty = {"r7"};
        died(asked.scratch.path, k_run, "http://door:1", false);
        CHECK_THAT(asked.next(), Catch::StartsWith(std::string(k_gate)));
    }
    SECTION("of several that may be of it, nobody can choose") {
        const Asked asked("http://prometheus:9");
        died(asked.scratch.path, k_run, "http://door:1", false);
        died(asked.scratch.path, "20260222T043601Z-cutover-0a1b2c3d", "http://door:2", false);
        CHECK(asked.next() == "oa-stream cutover status");
    }
}

TEST_CASE("watch next: the broken limit is judged again, over the same window and labels") {
    Asked asked("http://prometheus:9");
    asked.context.given.given["--match"] = {R"(job="lane")"};
    asked.context.given.given["--once"] = {};
    asked.watch.limits.bad_at_most = 0.005;
    CHECK(
        asked.next() == "oa-stream slo gate 'bad: http_5xx | terminal_error <= 0.5%' --prometheus "
                        "http://prometheus:9 --revision v2 --window 40s --match 'job=\"lane\"'"
    );
    asked.view.broken = {.slow = true};
    CHECK_THAT(asked.next(), Catch::Contains("slo gate 'p95: first_content <= 2.5s'"));
    asked.view.broken = {.budget = true};
    CHECK_THAT(asked.next(), Catch::StartsWith("oa-stream slo status --prometheus"));
}

TEST_CASE("watch next: a gate on a revision that began in the window looks no further back") {
    Asked asked("http://prometheus:9");
    asked.view.parts = {
        {.name = "a", .revision = "v2", .state = "up", .window_s = 12.7},
        {.name = "a before", .revision = "v1", .state = "ended", .window_s = 27.3},
        {.name = "b", .revision = "v2", .state = "up", .window_s = 40},
        {.name = "c", .revision = "v2", .state = "mixed"},
    };
    CHECK_THAT(asked.next(), Catch::EndsWith("--revision v2 --window 12s"));
    SECTION("nor as long as it was scraped too seldom") {
        asked.view.parts[0].scrapes = 4;
        CHECK(asked.next().empty());
        asked.view.parts[0].scrapes = 5;
        CHECK_THAT(asked.next(), Catch::EndsWith("--revision v2 --window 12s"));
    }
    SECTION("and there is none on a revision that ended") {
        asked.view.guilty = {"v1"};
        CHECK(asked.next().empty());
    }
}

TEST_CASE("watch next: what no revision is known of names none") {
    Asked asked("http://prometheus:9");
    asked.view.guilty.clear();
    asked.view.sources = {{.name = "p", .reachable = true, .age_s = 1}};
    asked.view.numbers.window_s = 60;
    asked.view.parts = {
        {.name = "a", .turns = {.total = 100, .bad = 50}, .window_s = 60},
        {.name = "b", .revision = "v1", .turns = {.total = 100, .bad = 0}, .window_s = 60},
    };
    judge(asked.view, {});
    CHECK(asked.view.state == WatchState::bad);
    CHECK(asked.view.guilty.empty());
    CHECK_FALSE(asked.next().contains("--revision"));
}

TEST_CASE("watch next: of several lanes, the one that exceeds the limit is looked at") {
    Asked asked("http://door:1");
    const auto slow = [](double within) {
        return std::vector<measure::Bucket>{{2.5, within}, {INFINITY, 100}};
    };
    asked.watch.lanes.push_back({.base_url = "http://door:2"});
    asked.watch.lanes.push_back({.base_url = "http://door:3"});
    asked.view.parts = {
        {.name = "a", .address = "http://door:1", .first_content = slow(100)},
        {.name = "b", .address = "http://door:2", .first_content = slow(50)},
        {.name = "c", .address = "http://door:3", .first_content = slow(90)},
    };
    asked.view.parts[0].turns = {.total = 100, .bad = 0};
    asked.view.parts[1].turns = {.total = 2, .bad = 1}; // a larger share, and proven for less
    asked.view.parts[2].turns = {.total = 100, .bad = 40};
    asked.view.parts[1].budget = {.total = 1000, .bad = 30};
    asked.view.parts[2].budget = {.total = 1000, .bad = 10};
    const std::string smoke = "oa-stream smoke stream --base-url http://door:";
    CHECK(asked.next() == smoke + "3");
    asked.view.broken = {.slow = true};
    CHECK(asked.next() == smoke + "2");
    asked.view.broken = {.budget = true};
    CHECK(asked.next() == smoke + "2");
}

TEST_CASE("watch next: it stands on any screen, whole and before the reasons") {
    WatchView view;
    view.state = WatchState::bad;
    view.next = "oa-stream slo gate 'bad: http_5xx | terminal_error <= 1%' --prometheus "
                "http://127.0.0.1:39401 --revision r-with-a-long-name-2026-02-22 --window 1m";
    view.why = {"revision r-with-a-long-name-2026-02-22: p95 of the first content 4.88s, limit "
                "2.5s, and more words than one line of a small screen can hold"};
    for (const ScreenSize size : {ScreenSize{80, 24}, {40, 10}, {200, 50}}) {
        CAPTURE(size.columns);
        std::string shell;
        std::string all;
        for (const std::string& line : watch_screen(view, size, false)) {
            // "–" is three bytes, and no argument is broken.
            CHECK((line.size() < size.columns + 3 || line.contains("'bad: ")));
            all += line + "\n";
            const std::string text =
                line.substr(std::min(line.find_first_not_of(' '), line.size()));
            shell += text.ends_with('\\') ? text.substr(0, text.size() - 1) : text + "\n";
        }
        CHECK_THAT(shell, Catch::Contains("next: " + view.next.text()));
        if (size.columns > 40) {
            CHECK_THAT(all, Catch::Contains("can hold"));
        }
        CHECK(all.find("next: ") < all.find("revision r-with"));
    }
}
