// watch without a terminal or a network: what it makes of scrapes, and how it looks.
#include "lane_series.hpp"
#include "watch/watch_model.hpp"
#include "watch/watch_render.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

using namespace oa_stream;
using namespace oa_stream::cli;
using measure::CounterWindow;
using measure::k_most_scraped;
using measure::parse_exposition;
using measure::SeriesMap;

namespace {

/// A lane's /metrics in a few lines.
std::string scrape(int requests, int failed, int turn_failed, int fast, int slow) {
    return cli::test::with_the_rest(fmt::format(
        "# TYPE oa_stream_http_requests_total counter\n"
        "oa_stream_http_requests_total{{route=\"/api/chat/stream\",method=\"POST\",status=\"200\","
        "lane=\"compat\"}} {}\n"
        "oa_stream_http_requests_total{{route=\"/api/chat/stream\",method=\"POST\",status=\"503\","
        "lane=\"compat\"}} {}\n"
        "oa_stream_http_requests_total{{route=\"/healthz\",method=\"GET\",status=\"200\"}} 7\n"
        "oa_stream_bridge_accepted_total{{route=\"/api/chat/stream\"}} {}\n"
        "oa_stream_terminal_total{{class=\"completed\",route=\"/api/chat/stream\"}} {}\n"
        "oa_stream_terminal_total{{class=\"turn_failed\",route=\"/api/chat/stream\"}} {}\n"
        "oa_stream_terminal_total{{class=\"turn_aborted\",route=\"/api/chat/stream\"}} 0\n"
        "oa_stream_terminal_total{{class=\"codex_error\",route=\"/api/chat/stream\"}} 0\n"
        "oa_stream_terminal_total{{class=\"adapter_preview_unavailable\",route=\"/api/chat/"
        "stream\"}} 0\n"
        "oa_stream_compat_rejected_total{{code=\"upgrade_required\"}} 0\n"
        "oa_stream_first_content_seconds_bucket{{route=\"/api/chat/stream\",le=\"0.1\"}} {}\n"
        "oa_stream_first_content_seconds_bucket{{route=\"/api/chat/stream\",le=\"5\"}} {}\n"
        "oa_stream_first_content_seconds_bucket{{route=\"/api/chat/stream\",le=\"+Inf\"}} {}\n"
        "oa_stream_active_streams 3\n"
        "oa_stream_build_info{{revision=\"r1\",version=\"1\"}} 1\n",
        requests,
        failed,
        requests,
        requests - turn_failed,
        turn_failed,
        fast,
        fast + slow,
        fast + slow
    ));
}

SeriesMap parsed(const std::string& text) {
    auto got = parse_exposition(text);
    if (!got) {
        FAIL(got.error().text());
    }
    return *std::move(got);
}

CounterWindow window_of(const std::string& before, const std::string& after, double seconds = 10) {
    CounterWindow window(60);
    (void)window.add(parsed(before), 100);
    (void)window.add(parsed(after), 100 + seconds);
    return window;
}

measure::LaneNumbers numbers_of(const CounterWindow& window) {
    return {
        .rose = window.rose(),
        .budget = window.last(),
        .now = window.last(),
        .window_s = window.covered_s(),
        .budget_window = "since its start"
    };
}

std::optional<double> increase(const CounterWindow& window, std::string_view name) {
    for (const auto& metric : telemetry::k_metrics) {
        if (metric.name == name) {
            return measure::sum_of(window.rose(), {&metric});
        }
    }
    return std::nullopt;
}

WatchView view_of(const CounterWindow& window, WatchSource source, const WatchLimits& limits = {}) {
    WatchView view;
    view.at = "2026-02-22T04:36:00.123Z";
    view.sources = {std::move(source)};
    add_lane(view.numbers, numbers_of(window));
    judge(view, limits);
    return view;
}

WatchSource good_source() {
    return {
        .name = "http://lane", .state = "ready", .reachable = true, .age_s = 0.5, .revision = "r1"
    };
}

std::string joined(const std::vector<std::string>& lines) {
    std::string out;
    for (const std::string& line : lines) {
        out += line + "\n";
    }
    return out;
}

} // namespace

TEST_CASE("watch: the lane's own exposition is read, labels unescaped") {
    lane::Metrics metrics("rev \"a\"\\b\n", "1.0");
    const auto got = parsed(metrics.text());
    const auto build = std::ranges::find_if(got, [](const auto& one) {
        return one.first.name == "oa_stream_build_info";
    });
    REQUIRE(build != got.end());
    CHECK(build->first.label("revision") == "rev \"a\"\\b\n");
    CHECK(build->first.label("nothing").empty());
    CHECK(build->second == 1);
}

TEST_CASE("watch: what is not an exposition of a lane is refused with the reason") {
    for (const char* bad :
         {"",
          "<html>no</html>",
          "other_total 1\n",
          "oa_stream_x{a=\"1} 2\n",
          "oa_stream_x one\n",
          "oa_stream_x{a=b} 1\n",
          "oa_stream_x 1\noa_stream_x 2\n",
          "oa_stream_x 1 2 x\n"}) {
        CAPTURE(bad);
        const auto got = parse_exposition(bad);
        REQUIRE_FALSE(got);
        CHECK(got.error().code == Code::protocol);
    }
    std::string many;
    for (std::size_t i = 0; i <= k_most_scraped; ++i) {
        many += fmt::format("oa_stream_x{{a=\"{}\"}} 1\n", i);
    }
    const auto got = parse_exposition(many);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == Code::too_large);
    CHECK(parse_exposition("oa_stream_x 1 1700000000000\n").has_value());
}

TEST_CASE("watch: counters are differenced, a restart counts from zero, one scrape says nothing") {
    const std::string name = "oa_stream_http_requests_total";
    CounterWindow window(60);
    CHECK_FALSE(window.add(parsed(scrape(100, 0, 0, 0, 0)), 10));
    CHECK_FALSE(increase(window, name).has_value());
    CHECK_FALSE(window.add(parsed(scrape(130, 0, 0, 0, 0)), 20));
    CHECK(increase(window, name) == 30);
    CHECK(window.add(parsed(scrape(5, 0, 0, 0, 0)), 30)); // began anew
    CHECK(increase(window, name) == 35);
    CHECK(window.covered_s() == 20);
    SECTION("what is not there is missing, not zero") {
        CHECK_FALSE(increase(window, "oa_stream_empty_turns_total").has_value());
    }
    SECTION("a series that appears counts from zero") {
        const std::string more = scrape(5, 0, 0, 0, 0) + "oa_stream_empty_turns_total 2\n";
        (void)window.add(parsed(more), 40);
        CHECK(increase(window, "oa_stream_empty_turns_total") == 2);
    }
    SECTION("a series that one scrape lacked is not new") {
        (void)window.add(parsed("oa_stream_active_streams 3\n"), 40);
        CHECK_FALSE(increase(window, name).has_value());
        CHECK_FALSE(window.add(parsed(scrape(7, 0, 0, 0, 0)), 50));
        CHECK(increase(window, name) == 37);
    }
    SECTION("a series that comes after a restart is new, also where its former one counted less") {
        const std::string empty = "oa_stream_empty_turns_total";
        (void)window.add(parsed(scrape(5, 0, 0, 0, 0) + empty + " 4\n"), 40);
        CHECK(window.add(parsed(scrape(1, 0, 0, 0, 0)), 50));
        CHECK_FALSE(window.add(parsed(scrape(1, 0, 0, 0, 0) + empty + " 9\n"), 55));
        CHECK(increase(window, empty) == 13);
    }
    SECTION("what is older than the window is forgotten") {
        (void)window.add(parsed(scrape(6, 0, 0, 0, 0)), 200);
        CHECK(increase(window, name) == 1);
    }
}

TEST_CASE("watch: a healthy lane is OK, with rates over the time that was watched") {
    const auto view =
        view_of(window_of(scrape(0, 0, 0, 0, 0), scrape(100, 0, 0, 100, 0)), good_source());
    CHECK(view.state == WatchState::ok);
    CHECK(view.total == 100);
    CHECK(view.bad == 0);
    CHECK(view.burn == 0);
    CHECK(view.budget_left == 1);
    const Json json = to_json(view);
    CHECK(json["state"] == "OK");
    CHECK(json["routes"][1]["requests_per_s"] == 10.0);
    CHECK(json["empty_turns"].is_null());
    CHECK(json["split"].is_null());
}

namespace {

/// Without the lines that have `word` in them.
std::string without(std::string_view word, const std::string& text) {
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at) + 1;
        const std::string line = text.substr(at, end - at);
        out += line.contains(word) ? "" : line;
        at = end;
    }
    return out;
}

} // namespace

TEST_CASE("watch: what a lane does not tell is missing, never 0 and never OK") {
    const std::string before = scrape(0, 0, 0, 0, 0);
    const std::string after = scrape(100, 0, 0, 100, 0);
    for (const char* word :
         {"class=\"turn_failed\"",
          "class=\"turn_aborted\"",
          "class=\"codex_error\"",
          "class=\"adapter_preview_unavailable\"",
          "oa_stream_terminal_total",
          "status=\"503\""}) {
        DYNAMIC_SECTION(word) {
            const auto view =
                view_of(window_of(without(word, before), without(word, after)), good_source());
            CHECK(view.state == WatchState::missing);
            CHECK(verdict_of(view) == Verdict::inconclusive);
            CHECK(view.total == 100);
            CHECK_FALSE(view.bad.has_value());
            CHECK_FALSE(view.burn.has_value());
            CHECK_FALSE(view.budget_left.has_value());
            CHECK(to_json(view)["budget"]["left"].is_null());
            CHECK(joined(view.why).contains("not reported: "));
            CHECK(joined(watch_screen(view, {140, 40}, false)).contains("bad – of 100 requests"));
        }
    }
    SECTION("a lane that tells all does not speak for one that does not") {
        WatchView view;
        view.at = "2026-02-22T04:36:00.123Z";
        view.sources = {good_source(), good_source()};
        add_lane(view.numbers, numbers_of(window_of(before, after)));
        add_lane(
            view.numbers,
            numbers_of(window_of(without("codex_error", before), without("codex_error", after)))
        );
        judge(view, {});
        CHECK(view.state == WatchState::missing);
        CHECK_FALSE(view.bad.has_value());
    }
    SECTION("no times: the limit on them was not looked at") {
        const auto view = view_of(
            window_of(without("_bucket", before), without("_bucket", after)), good_source()
        );
        CHECK(view.state == WatchState::missing);
        CHECK(view.bad == 0);
    }
    SECTION("no requests are told: that is not no traffic") {
        const auto view = view_of(
            window_of(without("http_requests", before), without("http_requests", after)),
            good_source()
        );
        CHECK(view.state == WatchState::missing);
    }
    SECTION("what is told proves a breach all the same") {
        const auto view = view_of(
            window_of(without("terminal", before), without("terminal", scrape(50, 50, 0, 50, 0))),
            good_source()
        );
        CHECK(view.state == WatchState::bad);
        CHECK_FALSE(view.bad.has_value());
        CHECK(joined(view.why).contains("at least 50 of 100 requests bad (50%), limit 1%"));
    }
    SECTION("a renamed status makes no 0 on any route") {
        const auto renamed = [](std::string text) {
            for (std::size_t at = 0; (at = text.find("status=", at)) != std::string::npos;) {
                text.replace(at, 7, "code=");
            }
            return text;
        };
        const auto view = view_of(window_of(renamed(before), renamed(after)), good_source());
        CHECK(view.state == WatchState::missing);
        for (const auto& [name, route] : view.numbers.routes) {
            CHECK_FALSE(route.errors_5xx.has_value());
        }
    }
}

TEST_CASE("watch: the verdict is that of the state, and whether a lane is ready only it can say") {
    const auto window = window_of(scrape(0, 0, 0, 0, 0), scrape(100, 0, 0, 100, 0));
    CHECK(verdict_of(view_of(window, good_source())) == Verdict::pass);
    const auto failing = window_of(scrape(0, 0, 0, 0, 0), scrape(0, 59, 0, 0, 0));
    const auto bad = view_of(failing, good_source());
    CHECK(verdict_of(bad) == Verdict::fail);
    CHECK(joined(bad.why).contains("59 of 59 requests bad (100%), limit 1%"));
    WatchSource old = good_source();
    old.age_s = 100;
    CHECK(verdict_of(view_of(window, old)) == Verdict::inconclusive);
    const auto quiet = window_of(scrape(9, 0, 0, 9, 0), scrape(9, 0, 0, 9, 0));
    CHECK(verdict_of(view_of(quiet, good_source())) == Verdict::inconclusive);
    WatchSource gone = good_source();
    gone.reachable = false;
    gone.age_s.reset();
    const auto nobody = view_of(window, gone);
    CHECK(verdict_of(nobody) == Verdict::error);
    CHECK(to_json(nobody)["sources"][0]["ready"].is_null());
    WatchView view;
    view.sources = {gone, good_source()};
    add_lane(view.numbers, numbers_of(window));
    judge(view, {});
    CHECK(verdict_of(view) == Verdict::inconclusive);
    CHECK(to_json(view)["sources"][1]["ready"] == true);
}

TEST_CASE("watch: a limit that is proven broken is BAD and a breach; a few bad ones prove nothing"
) {
    struct Row {
        const char* name;
        std::string after;
        bool breach;
        WatchLimits limits{};
    };
    for (const Row& row :
         {Row{"half of them 503", scrape(50, 50, 0, 50, 0), true},
          Row{"a tenth fails in the stream", scrape(200, 0, 20, 200, 0), true},
          Row{"1 of 5", scrape(4, 1, 0, 4, 0), false},
          Row{"1 of 200", scrape(199, 1, 0, 199, 0), false},
          Row{"2 of 100, which may still be 1 %", scrape(98, 2, 0, 98, 0), false},
          Row{"slow, and the bucket lies beyond the limit", scrape(100, 0, 0, 50, 50), true},
          Row{"slow, perhaps", scrape(100, 0, 0, 50, 50), false, {.p95_at_most_s = 3}}}) {
        DYNAMIC_SECTION(row.name) {
            const auto view =
                view_of(window_of(scrape(0, 0, 0, 0, 0), row.after), good_source(), row.limits);
            CAPTURE(joined(view.why));
            CHECK(view.breach == row.breach);
            CHECK((view.state == WatchState::bad) == row.breach);
            CHECK(view.why.empty() == !row.breach);
        }
    }
}

TEST_CASE("watch: few requests are BAD when they prove it, and never OK beyond a limit") {
    struct Row {
        const char* name;
        std::string after;
        WatchState state;
        WatchLimits limits{};
    };
    for (const Row& row : {
             Row{"7 of 7 answered with 503", scrape(0, 7, 0, 0, 0), WatchState::bad},
             Row{"3 of 5 fail", scrape(5, 0, 3, 5, 0), WatchState::bad},
             Row{"2 of 2: a lane at 1 % shows that once in 10,000 looks",
                 scrape(2, 0, 2, 2, 0),
                 WatchState::few},
             Row{"1 of 19", scrape(19, 0, 1, 19, 0), WatchState::few},
             Row{"3 good ones", scrape(3, 0, 0, 3, 0), WatchState::ok},
             Row{"7 of 7 are slow", scrape(7, 0, 0, 0, 7), WatchState::bad},
             Row{"1 of 7 is slow", scrape(7, 0, 0, 6, 1), WatchState::few},
             Row{"1 of 7 may be slow", scrape(7, 0, 0, 6, 1), WatchState::ok, {.p95_at_most_s = 3}},
         }) {
        DYNAMIC_SECTION(row.name) {
            const auto view =
                view_of(window_of(scrape(0, 0, 0, 0, 0), row.after), good_source(), row.limits);
            CAPTURE(joined(view.why));
            CHECK(to_string(view.state) == to_string(row.state));
            CHECK(view.breach == (row.state == WatchState::bad));
            CHECK((verdict_of(view) == Verdict::pass) == (row.state == WatchState::ok));
            const bool few = row.state == WatchState::few;
            CHECK(watch_line(view).contains("TOO FEW requests to judge") == few);
        }
    }
    SECTION("those of one revision, beside many of another") {
        WatchView view;
        view.sources = {good_source()};
        view.numbers.turns = {.total = 10'002, .bad = 2};
        view.numbers.window_s = 60;
        view.parts = {
            {.name = "a", .revision = "r1", .turns = {.total = 10'000, .bad = 0}},
            {.name = "b", .revision = "r2", .turns = {.total = 2, .bad = 2}},
        };
        judge(view, {});
        CHECK(to_string(view.state) == to_string(WatchState::few));
    }
}

TEST_CASE("watch: what is old, gone or not ready is never healthy, and is said in words") {
    struct Row {
        const char* name;
        std::function<void(WatchSource&)> change;
        WatchState state;
        const char* said;
    };
    for (const Row& row :
         {Row{"gone",
              [](WatchSource& s) {
                  s.reachable = false;
                  s.state = "unreachable: refused";
                  s.age_s = 31;
              },
              WatchState::unreachable,
              "unreachable: refused, numbers are 31s old"},
          Row{"never there",
              [](WatchSource& s) {
                  s.reachable = false;
                  s.state = "unreachable: dns";
                  s.age_s.reset();
              },
              WatchState::unreachable,
              "no numbers ever came"},
          Row{"another server",
              [](WatchSource& s) {
                  s.reachable = false;
                  s.answered = true;
                  s.state = "unreadable: /metrics is HTTP 404";
                  s.age_s.reset();
              },
              WatchState::unreadable,
              "unreadable: /metrics is HTTP 404, no numbers ever came"},
          Row{"old", [](WatchSource& s) { s.age_s = 16; }, WatchState::stale, "16s old"},
          Row{"draining",
              [](WatchSource& s) {
                  s.ready = false;
                  s.state = "not ready: draining";
              },
              WatchState::unready,
              "not ready: draining"}}) {
        DYNAMIC_SECTION(row.name) {
            WatchSource source = good_source();
            row.change(source);
            const auto view =
                view_of(window_of(scrape(0, 0, 0, 0, 0), scrape(100, 0, 0, 100, 0)), source);
            CHECK(view.state == row.state);
            CHECK_FALSE(view.breach);
            CHECK(joined(watch_screen(view, {140, 40}, false)).contains(row.said));
            CHECK(watch_line(view).contains(row.said));
        }
    }
}

TEST_CASE("watch: old numbers break no limit") {
    WatchSource gone = good_source();
    gone.reachable = false;
    gone.state = "unreachable: refused";
    const auto window = window_of(scrape(0, 0, 0, 0, 0), scrape(50, 50, 0, 50, 0));
    CHECK(view_of(window, good_source()).breach);
    CHECK_FALSE(view_of(window, gone).breach);
    CHECK(view_of(window, gone).state == WatchState::unreachable);
}

TEST_CASE("watch: no traffic is no traffic, the first look has no rates") {
    const auto quiet =
        view_of(window_of(scrape(9, 0, 0, 9, 0), scrape(9, 0, 0, 9, 0)), good_source());
    CHECK(quiet.state == WatchState::quiet);
    CHECK_FALSE(quiet.burn.has_value());
    CounterWindow once(60);
    (void)once.add(parsed(scrape(9, 0, 0, 9, 0)), 1);
    const auto first = view_of(once, good_source());
    CHECK(first.state == WatchState::starting);
    const std::string shown = joined(watch_screen(first, {80, 24}, false));
    CHECK(shown.contains("no rates yet"));
    CHECK(shown.contains("–"));
    CHECK_FALSE(shown.contains(" 0.0 "));
}

TEST_CASE("watch: a process that two addresses lead to counts once") {
    const auto part = [](const char* name, const char* state) {
        measure::LanePart out;
        out.name = name;
        out.state = state;
        return out;
    };
    const auto once = each_once(
        {part("a", "ready"),
         part("b", "lost"),
         part("a", "ready"),
         part("b", "ready"),
         part("", ""),
         part("", "")}
    );
    REQUIRE(once.size() == 4); // an older lane has no id: nobody knows that two are one
    CHECK(once[0].name == "a");
    CHECK(once[1].name == "b");
    CHECK(once[1].state == "ready");
}

TEST_CASE("watch: a revision that no lane has is said, and is no start") {
    WatchView view;
    view.sources = {good_source()};
    view.absent = "r3";
    judge(view, {});
    CHECK(view.state == WatchState::missing);
    CHECK(view.why == std::vector<std::string>{"no lane is of revision r3"});
    CHECK(verdict_of(view) == Verdict::inconclusive);
}

TEST_CASE("watch: percentiles say as much as the buckets do") {
    using measure::Bucket;
    CHECK(percentile_text({}, measure::k_p95) == "–");
    CHECK(percentile_text({{0.1, 0}, {INFINITY, 0}}, measure::k_p95) == "–");
    CHECK(percentile_text({{0.1, 10}, {INFINITY, 10}}, measure::k_p95) == "95ms");
    CHECK(percentile_text({{1, 0}, {5, 10}, {INFINITY, 10}}, measure::k_p95) == "4.8s");
    CHECK(percentile_text({{0.1, 1}, {2.505, 5}, {INFINITY, 10}}, measure::k_p95) == ">2.505s");
}

TEST_CASE("watch: the screen fits whatever room there is, and keeps what matters") {
    auto view = view_of(window_of(scrape(0, 0, 0, 0, 0), scrape(100, 3, 2, 100, 0)), good_source());
    for (int i = 0; i < 60; ++i) {
        view.numbers.routes[fmt::format("/api/other/{}/{}", i, std::string(90, 'x'))].requests = 1;
        view.events.push_back(fmt::format("12:00:{:02} {}", i, std::string(200, 'e')));
        view.sources.push_back(good_source());
    }
    const auto width = [](const std::string& line) {
        return std::ranges::count_if(line, [](char c) {
            return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
        });
    };
    for (const ScreenSize size : {ScreenSize{80, 24}, {140, 40}, {40, 10}, {200, 100}}) {
        CAPTURE(size.columns, size.rows);
        const auto lines = watch_screen(view, size, false);
        CHECK(lines.size() <= size.rows);
        for (const std::string& line : lines) {
            CAPTURE(line);
            CHECK(width(line) < static_cast<std::ptrdiff_t>(size.columns));
        }
        CHECK(lines.front().starts_with("BAD"));
        if (size.rows >= 24) {
            CHECK(joined(lines).contains("/api/chat/stream "));
            CHECK(joined(lines).contains("budget "));
            CHECK(joined(lines).contains("12:00:59"));
        }
    }
}

TEST_CASE("watch: a narrow screen breaks totals, and keeps routes for their last numbers") {
    const auto view =
        view_of(window_of(scrape(0, 0, 0, 0, 0), scrape(100, 3, 2, 100, 0)), good_source());
    const auto shown = joined(watch_screen(view, {44, 40}, false));
    CHECK(shown.contains("turns/s\n/api/chat "));
    CHECK(shown.contains("\n/api/chat/stream   "));
    CHECK(shown.contains(fmt::format("{:.1f}x", view.burn.value())));
    CHECK(shown.contains("requests"));
}

TEST_CASE("watch: colour only where it is wanted, and nothing foreign steers the terminal") {
    WatchSource evil = good_source();
    evil.revision = "r\x1b[2J\x07\xc2\x9b"
                    "31m\x9b";
    const auto view = view_of(window_of(scrape(0, 0, 0, 0, 0), scrape(100, 0, 0, 100, 0)), evil);
    const std::string plain = joined(watch_screen(view, {140, 40}, false));
    CHECK(plain.find('\x1b') == std::string::npos);
    CHECK(plain.find('\x07') == std::string::npos);
    CHECK(plain.find('\x9b') == std::string::npos);
    CHECK(plain.contains("r?[2J"));
    CHECK(joined(watch_screen(view, {140, 40}, true)).contains("\x1b[32mOK"));
    CHECK(watch_frame({"a", "b"}) == "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J");
}

TEST_CASE("watch: what rose within milliseconds counts, and is no rate") {
    auto view = view_of(window_of(scrape(0, 0, 0, 0, 0), scrape(100, 0, 0, 100, 0)), good_source());
    REQUIRE(view.state == WatchState::ok);
    view.numbers.window_s = 0.007;
    judge(view, {});
    CHECK(view.state == WatchState::starting);
    CHECK(view.total == 100);
    CHECK(to_json(view)["routes"][1]["requests_per_s"].is_null());
}

TEST_CASE("watch: what changed between two looks is told once") {
    const auto window = window_of(scrape(0, 0, 0, 0, 0), scrape(100, 0, 0, 100, 0));
    const auto was = view_of(window, good_source());
    CHECK(events_between(was, was).empty());
    WatchSource gone = good_source();
    gone.reachable = false;
    gone.state = "unreachable: refused";
    auto now = view_of(window, gone);
    now.split = "stable 100%";
    const auto events = events_between(was, now);
    now.news = events;
    now.events = {"04:35:00 something before", "04:36:00 " + events[0]};
    const Json told = to_json(now)["events"];
    REQUIRE(told.size() == 2); // those of this look alone
    CHECK(told[0]["at"] == "2026-02-22T04:36:00.123Z");
    CHECK(told[0]["text"] == events[0]);
    CHECK(to_json(was)["events"].empty());
    REQUIRE(events.size() == 2);
    CHECK(events[0].starts_with("UNREACHABLE: http://lane unreachable: refused"));
    auto begun = was;
    begun.state = WatchState::starting;
    CHECK(events_between(begun, was).empty()); // the first rates are no change
    auto moved = now;
    moved.split = "stable 50%, canary 50%";
    moved.sources[0].revision = "r2";
    CHECK(events_between(now, moved).size() == 2);
}
