// First events, series that come into being, answers that are not whole, and failures in clumps.
#include "oa_stream/measure/gate_reading.hpp"

#include "fake_prometheus.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::measure;
using namespace oa_stream::measure::test;

namespace {

using State = SourceReading::State;

} // namespace

TEST_CASE("prometheus source: first events of a series that nobody can date are no proof") {
    FakePrometheus prometheus([](std::string_view query, int) {
        const bool had = query.contains("> 0) unless on (") && query.contains("5..");
        return Scripted{.body = had ? number_body("60") : ""};
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    REQUIRE(got->state == State::measured);
    CHECK(got->may_have_missed == 60);
    GateSpec gate;
    gate.id = "error-rate";
    gate.limit = 0.02;
    const GateRecord record = evaluate_readings(gate, *got, {}, {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence.contains("60 bad ones may have come before"));
    gate.limit = 0.001; // 5 of 1000 are too many with and without them
    CHECK(evaluate_readings(gate, *got, {}, {}).verdict == Verdict::fail);
}

TEST_CASE("prometheus source: a series that began in the window counts whole") {
    FakePrometheus prometheus;
    REQUIRE(ask(prometheus, question_of()).has_value());
    const auto counted = std::ranges::find_if(prometheus.queries, [](const std::string& query) {
        return query.contains("5..") && !query.contains("> 0) unless on (");
    });
    REQUIRE(counted != prometheus.queries.end());
    CHECK(counted->contains("unless last_over_time(oa_stream_http_requests_total"));
    CHECK(counted->contains("last_over_time(process_start_time_seconds[10m]) >= 1795157400.000"));
}

TEST_CASE("prometheus source: a series with other labels of its target is not new") {
    FakePrometheus prometheus;
    Question question = question_of();
    question.timing = Timing::first_content;
    PrometheusOptions options;
    options.revision_label = "release";
    const auto got = ask(prometheus, question, options);
    REQUIRE(got.has_value());
    CAPTURE(got->query);
    // As telemetry's table has the labels; the series before may lack that of the revision.
    CHECK(got->query.contains(
        "unless on (job,instance,route,method,status,lane,probe) (last_over_time("
        R"(oa_stream_http_requests_total{method="POST",status=~"5..",)"
    ));
    CHECK(got->query.contains(
        "unless on (job,instance,class,route,probe) (last_over_time(oa_stream_terminal_total{"
    ));
    CHECK(got->query.contains("unless on (job,instance,route,probe,le) (last_over_time("
                              "oa_stream_first_content_seconds_bucket{"));
    const std::string_view query = got->query;
    const std::string_view earlier =
        query.substr(query.find("unless on (job,instance,class,route,probe)"));
    CHECK_FALSE(earlier.substr(0, earlier.find('}')).contains("release="));
    // Of a process that began in the window it is.
    CHECK(got->query.contains(
        "max by (job, instance) (last_over_time(oa_stream_process_start_time_seconds[10m]) or "
        "last_over_time(process_start_time_seconds[10m])) < 1795157400.000"
    ));
}

TEST_CASE("prometheus source: nothing passes while the window's beginning was not scraped") {
    const auto unseen_for = [](std::string seconds) {
        const std::string late = fmt::format(
            R"({{"metric":{{"job":"lane","instance":"a:1"}},"value":[{},"{}"]}})", k_now_s, seconds
        );
        FakePrometheus prometheus(only("((timestamp(oa_stream_build_info", vector_body(late)));
        const auto got = ask(prometheus, question_of());
        REQUIRE(got.has_value());
        CAPTURE(got->why);
        REQUIRE(got->state == State::measured);
        return *got;
    };
    CHECK(unseen_for("45").uncovered.empty()); // three scrape intervals
    const auto got = unseen_for("290.4");
    CHECK(
        got.uncovered == "target a:1 was not scraped for the first 4m50s of the window: what it "
                         "counted then is unknown"
    );
    CHECK(got.uncovered_requests > 400); // 290 s of the 1000 requests' 600 s
    GateSpec gate;
    gate.id = "error-rate";
    gate.limit = 0.02;
    CHECK(evaluate_readings(gate, got, {}, {}).verdict == Verdict::inconclusive);
    gate.limit = 0.001;
    CHECK(evaluate_readings(gate, got, {}, {}).verdict == Verdict::fail);
}

TEST_CASE("prometheus source: bad ones in clumps are seen, and widen a gate's interval") {
    const auto stretches = [](std::string_view query, int) {
        if (!query.starts_with("sum (max without") || !query.contains("(increase(")) {
            return Scripted{};
        }
        // Ten stretches of a minute: 100 requests each, all bad ones in the fourth.
        std::string points;
        for (int i = 0; i < 10; ++i) {
            const bool total = query.contains("http_requests_total") && !query.contains("5..");
            const bool hit = i == 3 && query.contains("5..");
            points += fmt::format(
                "{}[{},\"{}\"]",
                i == 0 ? "" : ",",
                k_now_s - 600 + 60 * (i + 1),
                total ? 100
                : hit ? 30
                      : 0
            );
        }
        return Scripted{
            .body = matrix_body(fmt::format(R"({{"metric":{{}},"values":[{}]}})", points))
        };
    };
    FakePrometheus prometheus([&](std::string_view query, int attempt) {
        if (query.starts_with("count by")) {
            return Scripted{};
        }
        if (query.contains("5..") && !query.contains("(increase(") &&
            !query.contains("> 0) unless on (")) {
            return Scripted{.body = number_body("30")};
        }
        return query.contains("terminal_total") && !query.contains("(increase(")
                   ? Scripted{.body = number_body(query.contains("> 0) unless") ? "0" : "0")}
                   : stretches(query, attempt);
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CAPTURE(got->why);
    REQUIRE(got->state == State::measured);
    REQUIRE(got->tally.blocks.size() == 10);
    CHECK(got->tally.blocks[3] == Counts{30, 100});
    GateSpec gate;
    gate.id = "error-rate";
    gate.limit = 0.015; // 30 of 1000 one by one would be beyond it
    const GateRecord record = evaluate_readings(gate, *got, {}, {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.notes.front().contains("in clumps of about"));
}

TEST_CASE("prometheus source: two servers that answer in turn are not one source") {
    struct Row {
        std::string name;
        std::string later; ///< what the next answer knows of the same scrapes
        State state;
    };
    for (const Row& row : {
             Row{"the same", scraped(k_now_s - 20), State::measured},
             Row{"and one scrape more", scraped(k_now_s - 5, 15, 41), State::measured},
             Row{"and one target more",
                 scraped(k_now_s - 20) + "," + scraped(k_now_s - 5, 15, 1, R"(,"zone":"b")"),
                 State::measured},
             Row{"scraped at other times", scraped(k_now_s - 13), State::missing},
             Row{"scraped since a while ago", scraped(k_now_s - 20, 15, 12), State::missing},
             Row{"never scraped", "", State::missing},
         }) {
        DYNAMIC_SECTION(row.name) {
            FakePrometheus prometheus([&](std::string_view query, int attempt) {
                const std::string body =
                    matrix_body(attempt == 1 ? scraped(k_now_s - 20) : row.later);
                return Scripted{.body = query.starts_with("oa_stream_build_info") ? body : ""};
            });
            const auto got = ask(prometheus, question_of());
            REQUIRE(got.has_value());
            CAPTURE(got->why);
            CHECK(got->state == row.state);
            CHECK(got->why.contains("session affinity") == (row.state == State::missing));
        }
    }
}

TEST_CASE("prometheus source: a partial answer says nothing") {
    FakePrometheus prometheus(only(
        "5..", R"({"status":"success","isPartial":true,"data":{"resultType":"vector","result":[]}})"
    ));
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->state == State::missing);
    CHECK(got->why.contains("the answer is partial"));
}

TEST_CASE("prometheus source: what one of several targets lacks is missing, whatever others have") {
    const auto lacks = [](std::string metric, Question question) {
        const std::string body = vector_body(fmt::format(
            R"({{"metric":{{"job":"lane","instance":"b:1","lacks":"{}"}},"value":[{},"1"]}})",
            metric,
            k_now_s
        ));
        FakePrometheus prometheus([&](std::string_view query, int) {
            const bool asked = query.starts_with("count by (job, instance, lacks)") &&
                               query.contains(fmt::format(R"("lacks", "{}")", metric));
            return Scripted{.body = asked ? body : ""};
        });
        const auto got = ask(prometheus, question);
        REQUIRE(got.has_value());
        return *got;
    };
    for (const std::string metric :
         {"oa_stream_build_info", "oa_stream_http_requests_total", "oa_stream_terminal_total"}) {
        CAPTURE(metric);
        const auto got = lacks(metric, question_of());
        CHECK(got.state == State::missing);
        CHECK(got.why.starts_with("targets: b:1 has no series of " + metric + " ("));
    }
    const auto untimed = lacks("oa_stream_first_content_seconds_bucket", question_of());
    CHECK(untimed.state == State::measured); // of shares
    CHECK(untimed.tally.requests == Counts{5, 1000});
    CHECK(untimed.tally.buckets.empty());
    Question slower = question_of();
    slower.slower_than_s = 2.5;
    const auto unknown = lacks("oa_stream_first_content_seconds_bucket", slower);
    CHECK(unknown.state == State::missing);
    CHECK(unknown.why.contains("b:1 has no series of oa_stream_first_content_seconds_bucket"));
}

TEST_CASE("prometheus source: a target that was long down and began again passes nothing") {
    const auto unseen = [](std::string_view failed) {
        FakePrometheus prometheus([&](std::string_view query, int) {
            const std::string one = fmt::format(
                R"({{"metric":{{"job":"lane","instance":"b:1"}},"value":[{},"{}"]}})",
                k_now_s,
                failed
            );
            const bool asked = !failed.empty() && query.contains("sum_over_time(up");
            return Scripted{.body = asked ? vector_body(one) : ""};
        });
        const auto got = ask(prometheus, question_of());
        REQUIRE(got.has_value());
        REQUIRE(got->state == State::measured);
        return *got;
    };
    GateSpec gate;
    gate.id = "error-rate";
    gate.limit = 0.05;
    CHECK(evaluate_readings(gate, unseen(""), {}, {}).verdict == Verdict::pass);
    const auto long_down = unseen("10");
    CHECK(long_down.uncovered_requests == Approx(250).margin(1));
    const GateRecord record = evaluate_readings(gate, long_down, {}, {});
    CHECK(record.verdict == Verdict::inconclusive);
    CHECK(record.sentence.contains("target b:1 was down for 2m30s of the window and began again"));
    gate.limit = 0.0001;
    CHECK(evaluate_readings(gate, long_down, {}, {}).verdict == Verdict::fail);
    FakePrometheus month;
    REQUIRE(ask(month, question_of(30 * 86'400.0)).has_value());
    CHECK(std::ranges::none_of(month.queries, [](const std::string& query) {
        return query.contains("sum_over_time(up");
    }));
}

TEST_CASE("prometheus source: nothing passes when a process ended while nobody scraped") {
    const auto unseen = [](double from_s, double to_s, bool lives, bool marked = false) {
        std::vector<std::string> asked;
        FakePrometheus prometheus([&](std::string_view query, int) {
            Scripted out;
            if (query.starts_with("max(timestamp(")) {
                std::string looks;
                for (double at = k_now_s - 600; at <= k_now_s; at += 15) {
                    const bool away = at > from_s && at < to_s;
                    if (away && marked) {
                        continue;
                    }
                    looks += fmt::format(
                        R"({}[{},"{}"])", looks.empty() ? "" : ",", at, away ? from_s : at
                    );
                }
                out.body = matrix_body(fmt::format(R"({{"metric":{{}},"values":[{}]}})", looks));
            } else if (query.starts_with("count by") && query.contains(" @ ")) {
                asked.emplace_back(query);
                out.body = lives ? "" : vector_body(up_of("1"));
            }
            return out;
        });
        const auto got = ask(prometheus, question_of());
        REQUIRE(got.has_value());
        CAPTURE(got->why);
        REQUIRE(got->state == State::measured);
        return std::pair{*got, asked};
    };
    const auto [ended, asked] = unseen(k_now_s - 420, k_now_s - 120, false);
    CHECK(
        ended.uncovered == "no lane was scraped for 4m45s of the window, and the process at a:1 "
                           "ended meanwhile: what it counted then is unknown"
    );
    CHECK(ended.uncovered_requests > 400);
    REQUIRE(asked.size() == 1);
    const std::string began = "last_over_time(oa_stream_process_start_time_seconds";
    CHECK(asked.front().contains(began + "[3m15s] @ 1795157730.000)")); // to the last three scrapes
    CHECK(asked.front().contains("min_over_time(oa_stream_process_start_time_seconds[4m30s] @ "
                                 "1795158000.000)"));
    CHECK(asked.front().contains(R"(last_over_time(oa_stream_build_info{revision="r2"}[3m15s])"));
    // Its counters bridge the hole.
    CHECK(unseen(k_now_s - 420, k_now_s - 120, true).first.uncovered.empty());
    // It was there, and marked them as stale: the last lane was stopped, as for want of requests.
    CHECK(unseen(k_now_s - 420, k_now_s - 120, false, true).first.uncovered.empty());
    // Three scrapes are not many, also when the next one is late.
    CHECK(unseen(k_now_s - 180, k_now_s - 120, false).first.uncovered.empty());
    CHECK(unseen(k_now_s - 180.02, k_now_s - 120, false).first.uncovered.empty());
    // What was scraped last before the window counts from its beginning on.
    const auto across = unseen(k_now_s - 700, k_now_s - 300, false).first;
    CHECK(across.uncovered.starts_with("no lane was scraped for 4m45s of the window, "));
}

TEST_CASE("prometheus source: an outage is told by its target's scrapes, and weighs as one target"
) {
    struct Scraped {
        double every_s;
        int times;
    };
    const auto outage = [](const std::vector<Scraped>& targets, std::string_view failed) {
        std::string scrapes;
        std::string up;
        for (std::size_t i = 0; i < targets.size(); ++i) {
            const std::string instance = fmt::format("{}:1", static_cast<char>('a' + i));
            std::string one = scraped(k_now_s - 5, targets[i].every_s, targets[i].times);
            one.replace(one.find("a:1"), 3, instance);
            scrapes += (i == 0 ? "" : ",") + one;
            up += (i == 0 ? "" : ",") + up_of("1", instance);
        }
        const std::string unseen = fmt::format(
            R"({{"metric":{{"job":"lane","instance":"b:1"}},"value":[{},"{}"]}})", k_now_s, failed
        );
        FakePrometheus prometheus([&](std::string_view query, int) {
            if (query.starts_with("oa_stream_build_info")) {
                return Scripted{.body = matrix_body(scrapes)};
            }
            if (query.starts_with("up")) {
                return Scripted{.body = vector_body(up)};
            }
            const bool asked = query.contains("sum_over_time(up");
            return Scripted{.body = asked ? vector_body(unseen) : ""};
        });
        const auto got = ask(prometheus, question_of());
        REQUIRE(got.has_value());
        CAPTURE(got->why);
        REQUIRE(got->state == State::measured);
        return *got;
    };
    const auto one_of_ten = outage(std::vector<Scraped>(10, {15, 40}), "10");
    CHECK(one_of_ten.uncovered_requests == Approx(26).margin(1)); // 150 s of 5,850 s of lanes
    // Scraped six times as often as the other one: 25 s are within 90 s, 125 s are not.
    CHECK(outage({{30, 20}, {5, 120}}, "5").uncovered.empty());
    CHECK(outage({{30, 20}, {5, 120}}, "25").uncovered.contains("b:1 was down for 2m5s of"));
}

namespace {

/// A series of a process, with so many points.
std::string process(std::string_view id, std::string_view target, std::size_t points = 0) {
    const std::string labels = fmt::format(R"("id":"{}",{})", id, target);
    if (points == 0) {
        return fmt::format(R"({{"metric":{{{}}},"value":[{},"1"]}})", labels, k_now_s);
    }
    std::string values;
    for (std::size_t left = points; left > 0; --left) {
        const double at_s = k_now_s - (30 * static_cast<double>(left));
        values += fmt::format(R"({}[{},"2"])", values.empty() ? "" : ",", at_s);
    }
    return fmt::format(R"({{"metric":{{{}}},"values":[{}]}})", labels, values);
}

constexpr std::string_view k_lane = R"("job":"lane","instance":"a:1")";
constexpr std::string_view k_again = R"("job":"lane-again","instance":"a:1")";
constexpr std::string_view k_other_address = R"("job":"lane","instance":"b:1")";
constexpr std::string_view k_by_jobs = "one process is scraped by the jobs lane and lane-again: ";

/// What Prometheus knows of processes: at the window's end, and in steps of it.
Script knowing(std::string now, std::string before) {
    return [now = std::move(now), before = std::move(before)](std::string_view query, int) {
        return Scripted{
            .body = !query.contains("oa_stream_process_info") || query.contains("lacks") ? ""
                    : query.contains("count_over_time") ? matrix_body(before)
                                                        : vector_body(now)
        };
    };
}

} // namespace

TEST_CASE("prometheus source: a process that is scraped twice is no reading, and the jobs are named"
) {
    struct Row {
        std::string name;
        std::string now; ///< at the window's end
        std::string before; ///< in its steps
        std::string matchers;
        std::string why; ///< empty: each process is scraped once, or nobody says
    };
    for (const Row& row : {
             Row{"by two jobs",
                 process("1", k_lane) + "," + process("1", k_again),
                 "",
                 "",
                 std::string(k_by_jobs) + R"(choose one with --match 'job="lane"' (in a playbook)"},
             Row{"by two jobs that were asked for",
                 process("1", k_lane) + "," + process("1", k_again),
                 "",
                 R"(job=~"lane|lane-again",env="eu")",
                 R"(choose one with --match 'env="eu",job="lane"')"},
             Row{"at two addresses",
                 process("1", k_lane) + "," + process("1", k_other_address),
                 "",
                 R"(job="lane")",
                 "one process is scraped at a:1 and b:1: leave one out with "
                 R"(--match 'job="lane",instance!="b:1"')"},
             Row{"with another label of the target",
                 process("1", std::string(k_lane) + R"(,"zone":"x")") + "," +
                     process("1", std::string(k_lane) + R"(,"zone":"y")"),
                 "",
                 "",
                 R"(scraped with the label zone as x and y: choose one with --match 'zone="x"')"},
             Row{"until it was mended within the window",
                 "",
                 process("1", k_lane, 2) + "," + process("1", k_again, 2),
                 "",
                 std::string(k_by_jobs)},
             Row{"a target that was renamed is in one step with both names",
                 "",
                 process("1", k_lane, 1) + "," + process("1", k_again, 1),
                 "",
                 ""},
             Row{"two processes", process("1", k_lane) + "," + process("2", k_again), "", "", ""},
             Row{"no process says which it is",
                 process("", k_lane) + "," + process("", k_again),
                 "",
                 "",
                 ""},
         }) {
        DYNAMIC_SECTION(row.name) {
            FakePrometheus prometheus(knowing(row.now, row.before));
            const auto got = ask(prometheus, question_of(), {.matchers = row.matchers});
            REQUIRE(got.has_value());
            CAPTURE(got->why);
            CHECK(got->state == (row.why.empty() ? State::measured : State::missing));
            CHECK(got->why.contains(row.why));
            CHECK((row.why.empty() || got->tally.requests == Counts{}));
        }
    }
}

TEST_CASE("prometheus source: targets with one job and instance hide no dead one") {
    struct Row {
        std::string name;
        std::string first; ///< labels of the target with the lane that is up
        std::string second; ///< …and of the one that is down, or that left service discovery
        double ended_s; ///< seconds before the end when the first one was last scraped
        bool left;
        std::string matchers;
        std::string why; ///< empty: they are copies of one target
    };
    const std::string advice =
        "a:1, with the label pod as x and y, and one that is down would hide "
        "behind the others: choose one with --match ";
    for (const Row& row : {
             Row{"a dead one",
                 R"(,"pod":"y")",
                 R"(,"pod":"x")",
                 5,
                 false,
                 "",
                 "several targets are lane " + advice + R"('pod="x"' (in a playbook: match), or)"},
             Row{"one that left service discovery",
                 R"(,"pod":"y")",
                 R"(,"pod":"x")",
                 5,
                 true,
                 R"(job="lane")",
                 advice + R"('job="lane",pod="x"')"},
             Row{"a label of a single one",
                 R"(,"pod":"y")",
                 "",
                 5,
                 false,
                 "",
                 R"(the label pod as (none) and y)"},
             Row{"copies of one Prometheus",
                 R"(,"replica":"0")",
                 R"(,"replica":"1")",
                 5,
                 false,
                 "",
                 ""},
             Row{"a target that got another label",
                 R"(,"pod":"y")",
                 R"(,"pod":"x")",
                 300,
                 true,
                 "",
                 ""},
         }) {
        DYNAMIC_SECTION(row.name) {
            const auto up = [](std::string value, const std::string& labels) {
                std::string out = up_of(value);
                return out.replace(out.find("\"}"), 1, "\"" + labels);
            };
            FakePrometheus prometheus([&](std::string_view query, int) {
                Scripted out;
                if (query.starts_with("oa_stream_build_info")) {
                    const std::string now = scraped(k_now_s - 5, 15, 15, row.first);
                    out.body =
                        matrix_body(now + "," + scraped(k_now_s - row.ended_s, 15, 15, row.second));
                } else if (query.starts_with("up")) {
                    const std::string alive = up("1", row.first);
                    out.body = vector_body(row.left ? alive : alive + "," + up("0", row.second));
                }
                return out;
            });
            const auto got = ask(prometheus, question_of(), {.matchers = row.matchers});
            REQUIRE(got.has_value());
            CAPTURE(got->why);
            CHECK(got->state == (row.why.empty() ? State::measured : State::missing));
            CHECK(got->why.contains(row.why));
        }
    }
}

TEST_CASE("prometheus source: only ids that lanes make tell processes apart") {
    FakePrometheus prometheus;
    const auto got = ask(prometheus, question_of(), {.matchers = R"(job=~"lane.*")"});
    REQUIRE(got.has_value());
    // A label `id` of a target displaces a lane's own, and all targets may share it.
    const std::string series =
        R"((oa_stream_process_info{id=~"[0-9a-f]{16}",job=~"lane.*"}) and on (job, instance) )";
    CHECK(got->query.contains(series));
    CHECK(got->query.contains("and on (id) count by (id) (max without (replica, "));
    CHECK(got->query.contains(
        R"(count_over_time(oa_stream_process_info{id=~"[0-9a-f]{16}",job=~"lane.*"}[30s]))"
    ));
}

TEST_CASE("prometheus source: what Prometheus warns about shows no process to be scraped once") {
    const bool now = GENERATE(true, false);
    FakePrometheus prometheus([now](std::string_view query, int) {
        const bool hit =
            query.contains("oa_stream_process_info") && query.contains("count_over_time") != now;
        const std::string_view warning = R"(,"warnings":["remote read failed"])";
        return Scripted{
            .body = !hit  ? ""
                    : now ? vector_body("", warning)
                          : matrix_body("", warning)
        };
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->state == State::missing);
    CHECK(got->why.contains("Prometheus warns: remote read failed"));
}
