// Several processes behind one address, and one that was started again.
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/lane_numbers.hpp"
#include "oa_stream/measure/processes.hpp"

#include "fake_prometheus.hpp"
#include "run_task.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream;
using measure::Processes;
using measure::SeriesMap;

namespace {

SeriesMap
scrape(std::string_view id, std::string_view revision, int requests, int failed, double started) {
    const auto parsed = measure::parse_exposition(fmt::format(
        "oa_stream_http_requests_total{{route=\"/api/chat\",method=\"POST\",status=\"200\"}} {}\n"
        "oa_stream_http_requests_total{{route=\"/api/chat\",method=\"POST\",status=\"502\"}} {}\n"
        "oa_stream_build_info{{revision=\"{}\",version=\"1\"}} 1\n"
        "oa_stream_process_info{{id=\"{}\"}} 1\n"
        "oa_stream_process_start_time_seconds {}\n"
        "oa_stream_ready 1\n",
        requests,
        failed,
        revision,
        id,
        started
    ));
    REQUIRE(parsed.has_value());
    return *parsed;
}

double requests_of(const Processes& processes, std::size_t which) {
    return measure::sum_of(processes.all().at(which).counters.rose(), telemetry::requests_term())
        .value_or(-1);
}

measure::ScrapedLanes lanes_of(measure::test::FakePrometheus& prometheus) {
    asio::io_context io(1);
    auto got = oa_stream::test::run_task(
        io, measure::scraped_lanes(&prometheus, {.url = "http://prometheus.test"}, 30, 3600)
    );
    REQUIRE(got.has_value());
    return *std::move(got);
}

} // namespace

TEST_CASE("processes: in turn behind one address, each is only compared with itself") {
    Processes processes(60);
    CHECK(processes.add(scrape("a", "r1", 1000, 0, 50), 1, 101).empty());
    CHECK(processes.add(scrape("b", "r2", 7, 900, 60), 2, 102) == "process b (r2) answers");
    for (int i = 1; i <= 5; ++i) {
        CHECK(processes.add(scrape("a", "r1", 1000 + i, 0, 50), 1 + (2 * i), 101).empty());
        CHECK(processes.add(scrape("b", "r2", 7, 900 + i, 60), 2 + (2 * i), 102).empty());
    }
    REQUIRE(processes.all().size() == 2);
    CHECK(requests_of(processes, 0) == 5);
    CHECK(requests_of(processes, 1) == 5);
    CHECK(processes.distinguished());
    CHECK(processes.answered_since(11) == 2);
}

TEST_CASE("processes: one that began while it was watched counts from 0, an older one does not") {
    Processes processes(60);
    (void)processes.add(scrape("a", "r1", 100, 0, 900), 10, 1000);
    (void)processes.add(scrape("b", "r1", 5, 0, 1008), 20, 1010);
    CHECK(requests_of(processes, 1) == 5);
    (void)processes.add(scrape("c", "r1", 50, 0, 950), 21, 1011);
    CHECK(requests_of(processes, 2) == -1);
}

TEST_CASE("processes: one that answers no more is lost unless a younger one came in its place") {
    Processes processes(60);
    (void)processes.add(scrape("a", "r1", 1, 0, 50), 1, 101);
    (void)processes.add(scrape("b", "r1", 1, 0, 50), 2, 102);
    (void)processes.add(scrape("a", "r1", 1, 0, 50), 20, 120);
    REQUIRE(processes.lost_since(10).size() == 1);
    CHECK(processes.lost_since(10).front()->id == "b");
    (void)processes.add(scrape("c", "r1", 1, 0, 121), 21, 121);
    CHECK(processes.lost_since(10).empty());
    processes.forget_before(10);
    CHECK(processes.all().size() == 2);
}

TEST_CASE("processes: without an id they are one, and that is told") {
    Processes processes(60);
    (void)processes.add(scrape("", "r1", 10, 0, 0), 1, 101);
    CHECK_FALSE(processes.distinguished());
    CHECK(processes.add(scrape("", "r1", 2, 0, 0), 2, 102) == "began again: its counters fell");
}

TEST_CASE("processes: series of probes are left out, or added to those of users") {
    const auto parsed =
        measure::parse_exposition("oa_stream_empty_turns_total{route=\"/a\"} 2\n"
                                  "oa_stream_empty_turns_total{route=\"/a\",probe=\"true\"} 5\n");
    REQUIRE(parsed.has_value());
    const telemetry::Term empty{&telemetry::metric("empty_turns_total")};
    CHECK(measure::sum_of(measure::merged_series(*parsed, false), empty) == 2);
    const auto both = measure::merged_series(*parsed, true);
    CHECK(both.size() == 1);
    CHECK(measure::sum_of(both, empty) == 7);
}

TEST_CASE("processes: a counter that is not a number is named, as what it counts is missing") {
    using measure::test::up_of;
    using measure::test::vector_body;
    const std::string value = GENERATE(as<std::string>{}, "7", "NaN", "+Inf");
    measure::test::FakePrometheus prometheus([&](std::string_view query, int) {
        measure::test::Scripted out{.body = vector_body("")};
        if (!query.contains("== 0") && !query.starts_with("sum by") &&
            !query.starts_with("max by (job, instance) (resets(")) {
            out.body = vector_body(up_of("1", "b:1"));
        } else if (query.contains("_http_requests_total")) {
            out.body = vector_body(up_of(value, "b:1"));
        }
        return out;
    });
    const std::set<std::string> want{"oa_stream_http_requests_total"};
    CHECK(lanes_of(prometheus).not_numbers == (value == "7" ? std::set<std::string>{} : want));
}

TEST_CASE("processes: a target behind which several answer has no numbers, others keep theirs") {
    using measure::test::up_of;
    using measure::test::vector_body;
    const bool mixed = GENERATE(false, true);
    measure::test::FakePrometheus prometheus([&](std::string_view query, int) {
        measure::test::Scripted out{.body = vector_body("")};
        if (query.starts_with("max by (job, instance) (resets(")) {
            out.body = vector_body(mixed ? up_of("1", "balancer:1") : "");
        } else if (!query.contains("== 0") && !query.starts_with("sum by")) {
            out.body = vector_body(up_of("1", "balancer:1") + "," + up_of("1", "b:1"));
        } else if (query.contains("_http_requests_total")) {
            out.body = vector_body(up_of("5040", "balancer:1") + "," + up_of("7", "b:1"));
        }
        return out;
    });
    const measure::ScrapedLanes lanes = lanes_of(prometheus);
    REQUIRE(lanes.parts.size() == 2);
    CHECK(lanes.parts[0].name == "b:1");
    CHECK_FALSE(lanes.parts[0].numbers.rose.empty());
    CHECK(lanes.parts[1].state == (mixed ? "mixed" : "up"));
    CHECK(lanes.parts[1].numbers.rose.empty() == mixed);
    CHECK((lanes.parts[1].numbers.window_s == 0) == mixed);
    CHECK(lanes.all.budget.empty() == mixed);
    CHECK(lanes.all.now.empty() == mixed);
}

TEST_CASE("processes: targets that lead to one process have no numbers, others keep theirs") {
    using measure::test::up_of;
    using measure::test::vector_body;
    const bool twice = GENERATE(false, true);
    const auto process = [](std::string_view id, std::string_view instance) {
        return fmt::format(
            R"({{"metric":{{"id":"{}","job":"lane","instance":"{}"}},"value":[{},"1"]}})",
            id,
            instance,
            measure::test::k_now_s
        );
    };
    const std::string each = up_of("7", "a:1") + "," + up_of("7", "b:1") + "," + up_of("7", "c:1");
    measure::test::FakePrometheus prometheus([&](std::string_view query, int) {
        measure::test::Scripted out{.body = vector_body("")};
        if (query.contains("oa_stream_process_info")) {
            const std::string both = process("1", "a:1") + "," + process("1", "b:1");
            out.body = vector_body(twice && !query.contains("count_over_time") ? both : "");
        } else if (query.contains("_http_requests_total")) {
            out.body = vector_body(each);
        } else if (!query.contains("== 0") && !query.starts_with("sum by") &&
                   !query.starts_with("max by (job, instance) (resets(")) {
            out.body = vector_body(each);
        }
        return out;
    });
    const measure::ScrapedLanes lanes = lanes_of(prometheus);
    REQUIRE(lanes.parts.size() == 3);
    CHECK(lanes.doubled.contains("one process is scraped at a:1 and b:1") == twice);
    CHECK(lanes.parts[0].state == (twice ? "scraped twice" : "up"));
    CHECK(lanes.parts[0].numbers.rose.empty() == twice);
    CHECK(lanes.parts[1].numbers.rose.empty() == twice);
    CHECK_FALSE(lanes.parts[2].numbers.rose.empty());
    CHECK(lanes.all.now.empty() == twice);
}

TEST_CASE("processes: a target that was not scraped at the window's beginning is named") {
    using measure::test::up_of;
    using measure::test::vector_body;
    const bool late = GENERATE(false, true);
    measure::test::FakePrometheus prometheus([&](std::string_view query, int) {
        std::string value = "7";
        if (query.contains("(timestamp(oa_stream_build_info")) {
            value = late ? "20" : "9"; // of 30 s
        }
        const bool none = query.contains("== 0") || query.contains("resets(oa_stream_process") ||
                          query.contains("oa_stream_process_info");
        return measure::test::Scripted{.body = vector_body(none ? "" : up_of(value, "a:1"))};
    });
    const measure::ScrapedLanes lanes = lanes_of(prometheus);
    CHECK(lanes.unseen == (late ? std::vector<std::string>{"a:1"} : std::vector<std::string>{}));
}

TEST_CASE("processes: a target with a new revision has a part of either process, or of none") {
    using measure::test::up_of;
    using measure::test::vector_body;
    const std::string how = GENERATE("separable", "restarted twice", "refused", "three revisions");
    CAPTURE(how);
    const double now_s = unix_seconds(std::chrono::system_clock::now());
    const auto row = [](std::string_view label, std::string_view is, double value) {
        return fmt::format(
            R"({{"metric":{{"{}":"{}","job":"lane","instance":"a:1"}},"value":[{},"{:.3f}"]}})",
            label,
            is,
            measure::test::k_now_s,
            value
        );
    };
    measure::test::FakePrometheus prometheus([&](std::string_view query, int) {
        measure::test::Scripted out{.body = vector_body("")};
        if (query.starts_with("max by (job, instance, revision)")) {
            const bool scrapes = query.contains("count_over_time");
            out.body = vector_body(
                row("revision", "r2", scrapes ? 5 : now_s - 1) + "," +
                row("revision", "r1", scrapes ? 9 : now_s - 20) +
                (scrapes && how == "three revisions" ? "," + row("revision", "r0", 1) : "")
            );
        } else if (query.starts_with("max by (job, instance) (time() - ")) {
            out.body = vector_body(up_of("12", "a:1"));
        } else if (query.contains("oa_part") && how == "refused") {
            out.status = 414;
        } else if (query.contains("oa_part") && query.contains("_http_requests_total")) {
            out.body = vector_body(
                how != "restarted twice"
                    ? row("oa_part", "now", 7) + "," + row("oa_part", "before", 30)
                    : ""
            );
        } else if (query.contains("_http_requests_total")) {
            out.body = vector_body(up_of("38.6", "a:1"));
        } else if (!query.contains("== 0") && !query.starts_with("sum by") &&
                   !query.contains("oa_stream_process_info") &&
                   !query.starts_with("max by (job, instance) (resets(")) {
            out.body = vector_body(up_of("1", "a:1"));
        }
        return out;
    });
    const measure::ScrapedLanes lanes = lanes_of(prometheus);
    const auto requests = [](const measure::LanePart& part) {
        return part.numbers.rose.empty() ? -1 : part.numbers.rose.begin()->second;
    };
    CHECK(lanes.revisions == "r1, r2");
    if (how != "separable") {
        REQUIRE(lanes.parts.size() == 1);
        CHECK(lanes.parts[0].revision.empty());
        CHECK(requests(lanes.parts[0]) == 38.6);
        const std::string which = how == "three revisions" ? "a:1 (r0, r1, r2)" : "a:1 (r1, r2)";
        CHECK(lanes.unseparated == std::vector<std::string>{which});
        return;
    }
    REQUIRE(lanes.parts.size() == 2);
    CHECK(lanes.unseparated.empty());
    CHECK(lanes.parts[0].revision == "r2");
    CHECK(lanes.parts[0].state == "up");
    CHECK(requests(lanes.parts[0]) == 7);
    CHECK(lanes.parts[0].numbers.window_s == 12);
    CHECK(lanes.parts[0].scrapes == 5);
    CHECK(lanes.parts[1].name == "a:1 before");
    CHECK(lanes.parts[1].revision == "r1");
    CHECK(lanes.parts[1].state == measure::k_ended);
    CHECK(requests(lanes.parts[1]) == 30);
    CHECK(lanes.parts[1].numbers.window_s == 18); // of 30
}

TEST_CASE("processes: a target that left service discovery has ended, and counts in its window") {
    using measure::test::up_of;
    using measure::test::vector_body;
    const bool counted = GENERATE(true, false);
    measure::test::FakePrometheus prometheus([&](std::string_view query, int) {
        measure::test::Scripted out{.body = vector_body("")};
        const std::string stays = up_of("7", "a:1");
        const std::string both = stays + "," + up_of("3", "b:1");
        if (query.starts_with("max by (job, instance, revision)")) {
            out.body = vector_body(query.contains("count_over_time") && !counted ? stays : both);
        } else if (query.contains("_http_requests_total")) {
            out.body = vector_body(counted ? both : stays);
        } else if (query.starts_with(
                       "min by (job, instance) (max without (replica, prometheus_replica, "
                       "__replica__) (up{})) "
                   ) ||
                   query.starts_with("time() - min(")) {
            out.body = vector_body(up_of("1", "a:1"));
        }
        return out;
    });
    const measure::ScrapedLanes lanes = lanes_of(prometheus);
    REQUIRE(lanes.parts.size() == (counted ? 2 : 1));
    CHECK(lanes.parts[0].name == "a:1");
    CHECK(lanes.parts[0].state == "up");
    CHECK(lanes.down.empty());
    if (counted) {
        CHECK(lanes.parts[1].name == "b:1");
        CHECK(lanes.parts[1].state == measure::k_ended);
        CHECK_FALSE(lanes.parts[1].numbers.rose.empty());
    }
}

TEST_CASE("processes: queries about many restarted targets fit into an address") {
    const auto count = GENERATE(10, 30, 100);
    measure::test::FakePrometheus prometheus([&](std::string_view query, int) {
        std::string rows;
        for (int i = 0; i < count && query.starts_with("max by (job, instance, revision)"); ++i) {
            for (const std::string_view revision : {"r1", "r2"}) {
                rows += fmt::format(
                    R"({}{{"metric":{{"revision":"{}","job":"lane","instance":"10.128.0.{}:8080"}},)"
                    R"("value":[{},"9"]}})",
                    rows.empty() ? "" : ",",
                    revision,
                    100 + i,
                    measure::test::k_now_s
                );
            }
        }
        const bool age = query.starts_with("time() - min(");
        return measure::test::Scripted{
            .body = measure::test::vector_body(age ? measure::test::up_of("1", "a:1") : rows)
        };
    });
    (void)lanes_of(prometheus);
    std::size_t asked = 0;
    std::size_t faults = 0; // of all services
    for (const auto& request : prometheus.requests) {
        asked += request.url.contains("oa_part") ? 1 : 0;
        faults += request.url.contains("%22signal%22") ? 1 : 0;
        CHECK(request.url.size() < 8000);
    }
    CHECK(asked > 0);
    CHECK(faults == 2);
}
