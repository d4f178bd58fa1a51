// watch: what lanes lack beside their turns, what they do not report, and budgets that are not
// exact.
#include "oa_stream/base/file.hpp"
#include "oa_stream/lane/metrics.hpp"

#include "watch/watch_model.hpp"
#include "watch/watch_render.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

const measure::ServiceSignal* signal_of(std::string_view alert) {
    const auto* found =
        std::ranges::find(measure::k_service_signals, alert, &measure::ServiceSignal::alert);
    REQUIRE(found != measure::k_service_signals.end());
    return found;
}

WatchView healthy() {
    WatchView view;
    view.at = "2026-02-22T04:36:00.123Z";
    view.sources = {{.name = "http://p", .state = "answers", .reachable = true, .age_s = 0.5}};
    view.numbers.window_s = 300;
    view.numbers.turns = {.total = 1000, .bad = 0};
    view.numbers.budget = {.total = 100'000, .bad = 120};
    view.numbers.budget_window = "30d";
    return view;
}

std::string screen(const WatchView& view) {
    std::string out;
    for (const std::string& line : watch_screen(view, {120, 40}, false)) {
        out += line + "\n";
    }
    return out;
}

} // namespace

TEST_CASE("watch: what wakes somebody up leaves no look OK, the rest is shown") {
    WatchView view = healthy();
    view.faults = {{"a:1", signal_of("OaStreamTurnsFenced"), 2}};
    view.numbers.budget.bad = 10;
    WatchView down = view;
    judge(view, {});
    CHECK(view.state == WatchState::ok);
    CHECK(screen(view).contains(
        "fault     a:1: its turns were taken by another lane (oa_stream_fenced_total 2)"
    ));
    down.faults.push_back({"b:1", signal_of("OaStreamStoreDown"), 0});
    judge(down, {});
    CHECK(down.state == WatchState::unready);
    CHECK(verdict_of(down) == Verdict::inconclusive);
    CHECK(screen(down).contains("  b:1: the store is not fully usable (oa_stream_store_up 0)"));
    const Json json = to_json(down);
    REQUIRE(json["faults"].size() == 2);
    CHECK(json["faults"][1]["alert"] == "OaStreamStoreDown");
    CHECK(json["faults"][1]["value"] == 0);
}

TEST_CASE("watch: a share of requests of which good ones may be missing proves nothing") {
    WatchView known = healthy();
    known.numbers.turns = {.total = 20, .bad = 20, .missing = {"codex_error"}};
    known.numbers.budget = {};
    known.parts = {
        {.revision = "r1", .address = "http://a", .turns = {.total = 20, .bad = 20}},
        {.revision = "r2", .address = "http://b", .turns = {.total = 200, .bad = 200}},
    };
    WatchView view = known;
    judge(known, {});
    CHECK(known.state == WatchState::bad);
    CHECK(worst_address(known, {}) == "http://b");
    view.numbers.turns.good_missing = true;
    view.parts.front().turns.bad = 0;
    view.parts.back().turns.good_missing = true;
    judge(view, {});
    CHECK(view.state == WatchState::missing);
    CHECK(verdict_of(view) == Verdict::inconclusive);
    view.broken.bad = true; // by one that is known: it alone can be the worst
    view.parts.front().turns.bad = 10;
    CHECK(worst_address(view, {}) == "http://a");
}

TEST_CASE("watch: times of some routes prove no slowness where those of others are missing") {
    const auto lane = measure::parse_exposition(lane::Metrics("r1", "1").text());
    REQUIRE(lane.has_value());
    measure::LanePart part{.revision = "r1", .address = "http://a"};
    part.numbers = {.rose = *lane, .window_s = 60};
    for (auto& [series, value] : part.numbers.rose) {
        if (series.label("route") == "/api/chat/stream") {
            const bool times = series.name == "oa_stream_first_content_seconds_bucket";
            const bool late = series.label("le") == "+Inf" || series.label("le") == "5";
            value = (times && late) || series.label("status") == "200" ? 100 : 0;
        }
    }
    const auto look = [&] {
        WatchView view = healthy();
        view.numbers = {};
        add_lane(view.numbers, part.numbers);
        view.parts = {part_of(part)};
        judge(view, {});
        return view;
    };
    WatchView view = look();
    CHECK(view.state == WatchState::bad);
    CHECK(worst_address(view, {}) == "http://a");
    for (const std::string_view bound : {"2.5", ""}) { // or all of them
        std::erase_if(part.numbers.rose, [&](const auto& one) {
            return one.first.name == "oa_stream_first_content_seconds_bucket" &&
                   one.first.label("route") == "/api/chat" &&
                   (bound.empty() || one.first.label("le") == bound);
        });
        view = look();
        CHECK(view.state == WatchState::missing);
        CHECK(
            view.why ==
            std::vector<std::string>{"not reported: times of the first content on /api/chat"}
        );
    }
    CHECK(view.bad == 0);
    view.broken.slow = true; // by another one
    CHECK(worst_address(view, {}).empty());
}

TEST_CASE("watch: a limit of the first content is written as it was given") {
    WatchView view = healthy();
    view.numbers.budget.bad = 0;
    view.numbers.routes["/api/chat"].first_content = {{1.005, 0}, {5, 100}, {INFINITY, 100}};
    WatchLimits limits;
    limits.p95_at_most_s = 1.005;
    judge(view, limits);
    CHECK(view.why == std::vector<std::string>{"p95 of the first content 4.8s, limit 1.005s"});
}

TEST_CASE("watch: a budget says how exact it is, and is overspent only beyond that") {
    WatchView exact = healthy();
    judge(exact, {});
    CHECK(exact.state == WatchState::bad);
    CHECK(exact.budget_left == Approx(-0.2));
    CHECK(screen(exact).contains("left -20% (30d)"));
    REQUIRE(exact.why.size() == 1);
    CHECK_THAT(exact.why.front(), Catch::StartsWith("error budget overspent: 120 of 100000 "));
    WatchView near = healthy();
    near.numbers.budget_error = 10;
    judge(near, {});
    REQUIRE(near.why.size() == 1);
    CHECK_THAT(near.why.front(), Catch::StartsWith("error budget overspent: about 120 of 100000 "));
    WatchView blurred = healthy();
    blurred.numbers.budget_error = 30;
    judge(blurred, {});
    CHECK(blurred.state == WatchState::ok);
    CHECK(blurred.budget_off == Approx(0.3));
    CHECK(screen(blurred).contains("left -20% ±30% (30d)"));
    CHECK(to_json(blurred)["budget"]["left_error"] == Approx(0.3));
    CHECK(to_json(exact)["budget"]["left_error"] == 0);
}

TEST_CASE("watch: 5xx of a route that carries turns are those that a gate counts") {
    const auto requests = [](std::string route, std::string method, std::string status) {
        return measure::SeriesId{
            "oa_stream_http_requests_total",
            {{"method", std::move(method)},
             {"route", std::move(route)},
             {"status", std::move(status)}}
        };
    };
    const std::string turns = "/api/chats/{conversationId}/stream";
    measure::LaneNumbers lane;
    lane.rose = {
        {requests(turns, "POST", "200"), 9},
        {requests(turns, "POST", "503"), 1},
        {requests(turns, "GET", "503"), 10}, // asks for a running turn
        {requests("/api/chats", "GET", "503"), 3},
        {requests("/healthz", "GET", "200"), 5},
    };
    WatchNumbers numbers;
    add_lane(numbers, lane);
    CHECK(numbers.routes[turns].errors_5xx == 1);
    CHECK(numbers.routes["/api/chats"].errors_5xx == 3);
    CHECK(numbers.routes["/healthz"].errors_5xx == 0);
}

TEST_CASE("watch services: what lanes lack is read from metrics that some source of them names") {
    std::string sources;
    for (const auto* folder : {"src/authority", "src/cli/serve"}) {
        const auto root = std::filesystem::path(OA_SOURCE_DIR) / folder;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
            sources += entry.is_regular_file() ? read_file(entry.path()).value() : "";
        }
    }
    for (const measure::ServiceSignal& signal : measure::k_service_signals) {
        CAPTURE(signal.metric);
        const std::string name = fmt::format("\"{}", signal.metric);
        CHECK((sources.contains(name + "\"") || sources.contains(name + "{")));
    }
}
