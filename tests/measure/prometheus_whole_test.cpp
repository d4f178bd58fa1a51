// Series that a lane has from its start and a Prometheus has not, and processes that began again
// between two scrapes.
#include "oa_stream/measure/gate_reading.hpp"
#include "oa_stream/telemetry/classes.hpp"
#include "oa_stream/telemetry/from_start.hpp"

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

std::string of_lane(std::string_view labels, std::string_view value) {
    return fmt::format(
        R"({{"metric":{{"job":"lane","instance":"b:1"{}}},"value":[{},"{}"]}})",
        labels,
        k_now_s,
        value
    );
}

SourceReading read(const Script& script, const Question& question = question_of()) {
    FakePrometheus prometheus(script);
    const auto got = ask(prometheus, question);
    REQUIRE(got.has_value());
    return *got;
}

/// A target that lacks series of the metric, and has the term's but for those of `without`.
Script lacking(
    const telemetry::Term& term, const std::vector<std::pair<std::string, std::string>>& without
) {
    const telemetry::FromStart all = telemetry::from_start(term);
    std::string has;
    for (const std::string& value : all.values) {
        for (const std::string& route : all.routes) {
            if (std::ranges::find(without, std::pair(value, route)) == without.end()) {
                has += fmt::format(
                    R"({}{{"metric":{{"{}":"{}","route":"{}"}},"value":[{},"1"]}})",
                    has.empty() ? "" : ",",
                    all.label,
                    value,
                    route,
                    k_now_s
                );
            }
        }
    }
    const std::string lacks = of_lane(fmt::format(R"(,"lacks":"{}")", term.metric->name), "1");
    return [=, name = std::string(term.metric->name)](std::string_view query, int) {
        const bool all_targets = query.starts_with("count by (job, instance, lacks)");
        const bool one = query.starts_with("count by (route") && query.contains(name) &&
                         query.contains(R"(job="lane",instance="b:1")");
        return Scripted{
            .body = all_targets && query.contains(fmt::format(R"("lacks", "{}")", name))
                        ? vector_body(lacks)
                    : one ? vector_body(has)
                          : ""
        };
    };
}

} // namespace

TEST_CASE("prometheus source: a status, a class or a route that one target lacks is named") {
    const auto bad = telemetry::bad_terms(telemetry::default_bad());
    const telemetry::Term& ended = bad.at(1);
    const std::string chat = "/api/chat";
    std::vector<std::pair<std::string, std::string>> class_everywhere;
    for (const auto& route : telemetry::k_turn_routes) {
        class_everywhere.emplace_back("codex_error", route.pattern);
    }
    std::vector<std::pair<std::string, std::string>> route_of_all;
    for (const std::string& word : telemetry::from_start(ended).values) {
        route_of_all.emplace_back(word, chat);
    }
    CHECK(read(lacking(telemetry::requests_term(), {{"502", "/v1/responses"}}))
              .why.starts_with("targets: b:1 has no series of oa_stream_http_requests_total for "
                               "status 502 on /v1/responses (was a label renamed, a series "
                               "dropped, or is it a lane of another version?)"));
    CHECK(read(lacking(ended, class_everywhere))
              .why.contains("oa_stream_terminal_total for codex_error (was"));
    CHECK(read(lacking(ended, route_of_all))
              .why.contains("oa_stream_terminal_total for terminal_error on /api/chat (was"));
    CHECK(read(lacking(ended, {{"turn_failed", chat}})).state == State::missing);
}

TEST_CASE("prometheus source: all series that a lane has from its start are demanded, by target") {
    FakePrometheus prometheus;
    REQUIRE(ask(prometheus, question_of()).has_value());
    const auto demands = [&](std::string_view words) {
        return std::ranges::any_of(prometheus.queries, [&](const std::string& query) {
            return query.starts_with("count by (job, instance, lacks)") && query.contains(words);
        });
    };
    CHECK(demands(R"(>= 95, "lacks", "oa_stream_http_requests_total")")); // 19 statuses, 5 routes
    CHECK(demands(R"(>= 20, "lacks", "oa_stream_terminal_total")"));
    CHECK(demands(R"(>= 5, "lacks", "oa_stream_terminal_5xx_total")"));
    CHECK(demands(R"(>= 10, "lacks", "oa_stream_terminal_total")")); // for the times
    CHECK(demands(R"(>= 5, "lacks", "oa_stream_first_content_seconds_bucket")"));
    // Lanes of before have no process id, and not that counter.
    CHECK(demands(R"( and on (job, instance) oa_stream_process_info{id=~"[0-9a-f]{16}"} unless)"));
    Question one = question_of();
    one.routes = {"/api/chat"};
    prometheus.queries.clear();
    REQUIRE(ask(prometheus, one).has_value());
    CHECK(demands(R"(>= 19, "lacks", "oa_stream_http_requests_total")"));
}

TEST_CASE("prometheus source: no series of what a lane has from its start is missing, not none") {
    for (const std::string_view absent : {"5..", "turn_failed"}) {
        const auto got = read([absent](std::string_view query, int) {
            const bool hit = query.contains(absent) && !query.contains("lacks");
            return Scripted{.body = hit ? vector_body("") : ""};
        });
        CHECK(got.state == State::missing);
        CHECK(got.why.contains(": no series match"));
    }
    // What carries no turns has its series with the first event.
    Question other = question_of();
    other.routes = {"/api/chats"};
    const auto got = read(
        [](std::string_view query, int) {
            return Scripted{.body = query.contains("5..") ? vector_body("") : ""};
        },
        other
    );
    REQUIRE(got.state == State::measured);
    CHECK(got.tally.requests == Counts{2, 1000});
    CHECK(std::ranges::any_of(got.notes, [](const std::string& note) {
        return note.contains("none was counted");
    }));
}

namespace {

/// What the counters of a lane that began again may hide.
struct Hides {
    int bad = 0;
    int requests = 0;
    int times = 0;
};

/// A lane that began again. `ran`: turns of the process before at its last scrape, `since` those of
/// the one that lives.
Script restarted(const Hides& hides, int ran, int since) {
    return [=](std::string_view query, int) {
        Scripted out;
        if (query.contains("group_left () max by (job, instance)")) {
            const int hidden = query.contains("terminal_total")   ? hides.bad
                               : query.contains("5..")            ? 0
                               : query.contains("requests_total") ? hides.requests
                               : query.contains("_bucket")        ? hides.times
                                                                  : 0;
            out.body = number_body(std::to_string(hidden));
        } else if (query.contains("bridge_accepted_total")) {
            out.body = vector_body(
                of_lane(R"(,"id":"old")", std::to_string(ran)) + "," +
                of_lane(R"(,"id":"new")", std::to_string(since))
            );
        } else if (query.contains("max by (job, instance, id)")) {
            out.body = vector_body(of_lane(R"(,"id":"new")", "1"));
        } else if (query.contains("changes(") && !query.contains("sum_over_time(up")) {
            out.body = vector_body(of_lane("", "1"));
        }
        return out;
    };
}

bool notes(const SourceReading& reading, std::string_view words) {
    return std::ranges::any_of(reading.notes, [&](const std::string& note) {
        return note.contains(words);
    });
}

Verdict judged(const SourceReading& reading, double limit) {
    GateSpec gate;
    gate.id = "error-rate";
    gate.limit = limit;
    return evaluate_readings(gate, reading, {}, {}).verdict;
}

} // namespace

TEST_CASE("prometheus source: what a restart between two scrapes hides is doubt, and said") {
    const auto clean = read(restarted({}, 0, 3));
    CHECK(judged(clean, 0.02) == Verdict::pass);
    CHECK(clean.unread == 0);
    CHECK(notes(clean, "the lane at b:1 restarted between two scrapes"));
    const auto masked = read(restarted({.bad = 30, .requests = 900}, 0, 0));
    CHECK(masked.may_have_missed == 30);
    CHECK(masked.requests_missed == 900);
    CHECK(notes(masked, "may hide 30 bad events, 900 requests and 0 times"));
    CHECK(judged(masked, 0.02) == Verdict::inconclusive);
    CHECK(judged(masked, 0.2) == Verdict::pass);
    // 5 of 1000 are too many, and 5 of 1900 would be.
    CHECK(judged(masked, 0.0001) == Verdict::fail);
}

TEST_CASE("prometheus source: times that a restart hides are in doubt, not the requests") {
    const auto times = read(restarted({.times = 900}, 0, 0));
    CHECK(times.times_missed == 900);
    CHECK(times.requests_missed == 0);
    CHECK(notes(times, "may hide 0 bad events, 0 requests and 900 times"));
    CHECK(judged(times, 0.0015) == Verdict::fail); // 5 of 1900 would not be enough
    CHECK(judged(read(restarted({.requests = 900}, 0, 0)), 0.0015) == Verdict::inconclusive);
    Question slow = question_of();
    slow.slower_than_s = 2.5;
    const auto slower = read(restarted({.times = 900}, 0, 0), slow);
    CHECK(slower.may_have_missed == 902); // each perhaps slow, as the two of the limit's bucket
    CHECK(slower.requests_missed == 900); // …or quick
}

TEST_CASE("prometheus source: only lanes that began again are looked at closely") {
    const auto asked = [](const std::vector<std::string>& instances, const Question& question) {
        std::string again;
        for (const std::string& instance : instances) {
            again += fmt::format(
                R"({}{{"metric":{{"job":"lane","instance":"{}"}},"value":[{},"1"]}})",
                again.empty() ? "" : ",",
                instance,
                k_now_s
            );
        }
        const Script script = restarted({}, 0, 0);
        FakePrometheus prometheus([=](std::string_view query, int attempt) {
            const bool which = query.starts_with("(max by (job, instance) (changes(");
            return which ? Scripted{.body = vector_body(again)} : script(query, attempt);
        });
        REQUIRE(ask(prometheus, question).has_value());
        return prometheus.queries;
    };
    const auto with = [](const std::vector<std::string>& queries, std::string_view of) {
        const auto found = std::ranges::find_if(queries, [&](const std::string& query) {
            return query.contains(of);
        });
        return found == queries.end() ? std::string() : *found;
    };
    Question all = question_of();
    all.revision.clear();
    const auto queries = asked({"10.0.0.1:80", "b:1"}, all);
    // A node exporter that began again is no lane, and the window's first scrape may be a new
    // process's.
    const std::string which =
        with(queries, "(changes(oa_stream_process_start_time_seconds[10m15s]");
    CHECK(which.ends_with("> 0) and on (job, instance) last_over_time(oa_stream_build_info[10m])"));
    const std::string_view both = R"(instance=~"10[.]0[.]0[.]1:80|b:1")";
    const std::string ran = with(queries, "bridge_accepted_total");
    for (const std::string_view metric : {"process_info", "accepted_total", "terminal_total"}) {
        CAPTURE(metric, ran);
        const auto labels = ran.substr(ran.find(metric));
        CHECK(labels.substr(0, labels.find(')')).contains(both));
    }
    // What a process before the last one had at most: later ones hide nothing of themselves.
    const std::string hidden =
        with(queries, "max_over_time((max_over_time(oa_stream_http_requests");
    CHECK(hidden.contains(both));
    CHECK(hidden.contains("< max by (job, instance) (last_over_time(oa_stream_process_start_time_"
                          "seconds[10m] @ 1795158000.000)"));

    CHECK(with(asked({"b:1"}, question_of(6 * 3600)), "bridge_accepted_total").contains(":30s21ms]")
    );
    std::vector<std::string> many;
    for (int i = 0; i < 31; ++i) {
        many.push_back(fmt::format("lane-{}.a-long-name.example:8080", i));
    }
    CHECK_FALSE(with(asked(many, all), "bridge_accepted_total").contains("instance="));
}

TEST_CASE("prometheus source: turns that ran when their lane ended may have been bad") {
    const auto lost = read(restarted({}, 40, 5));
    CHECK(lost.unread == 40);
    CHECK(notes(lost, "up to 40 turns ended uncounted with their lane"));
    CHECK(judged(lost, 0.02) == Verdict::inconclusive);
    CHECK(judged(lost, 0.2) == Verdict::pass);
    // The process that lives has ended 30 that it did not begin.
    CHECK(read(restarted({}, 40, -30)).unread == 10);
    CHECK(read(restarted({}, 40, -50)).unread == 0);
    FakePrometheus month(restarted({.bad = 1, .requests = 1, .times = 1}, 1, 0));
    REQUIRE(ask(month, question_of(30 * 86'400.0)).has_value());
    CHECK(std::ranges::none_of(month.queries, [](const std::string& query) {
        return query.contains("changes(");
    }));
}

TEST_CASE("prometheus source: of a short life in a long window increase() makes up more") {
    // 420 scrapes of one target, which has nothing bad, and 11 of another one.
    const auto rows = [](std::string_view stable, std::string_view pod) {
        const auto row = [](std::string_view instance, std::string_view value) {
            return fmt::format(
                R"({{"metric":{{"job":"lane","instance":"{}"}},"value":[{},"{}"]}})",
                instance,
                k_now_s,
                value
            );
        };
        return vector_body(row("stable:1", stable) + "," + row("pod:1", pod));
    };
    const Script script = [&](std::string_view query, int) {
        const bool each = query.starts_with("sum by (job, instance) ");
        std::string body;
        if (query.starts_with("count by")) {
            body = vector_body(""); // nothing is lacking
        } else if (query.starts_with("max by (job, instance) (count_over_time(")) {
            body = rows("420", "11");
        } else if (query.contains("5..")) {
            body = each ? rows("0", "99") : number_body("99");
        } else if (query.contains("oa_stream_terminal_")) {
            body = each ? rows("0", "0") : number_body("0");
        } else if (query.contains("oa_stream_http_requests_total")) {
            body = number_body("9184.5");
        } else if (query.contains("_bucket") && each) {
            const bool quick = query.contains(R"(le="2.5")");
            body = quick ? rows("980", "2") : rows("980", "12");
        } else if (query.contains("_bucket") && query.starts_with("sum by (le)")) {
            body = vector_body(fmt::format(
                R"({{"metric":{{"le":"+Inf"}},"value":[{0},"992.5"]}},)"
                R"({{"metric":{{"le":"2.5"}},"value":[{0},"982.5"]}})",
                k_now_s
            ));
        }
        return Scripted{.body = body};
    };
    Question question = question_of(7.0 * 3600);
    const auto got = read(script, question);
    REQUIRE(got.state == State::measured);
    CHECK(got.tally.requests == Counts{99, 9185});
    CHECK(got.count_error == Approx(99 * 2.2 / 11));
    question.slower_than_s = 2.5;
    const auto slow = read(script, question);
    REQUIRE(slow.state == State::measured);
    CHECK(slow.tally.requests == Counts{10, 993});
    CHECK(slow.count_error == Approx(10 * 2.2 / 11));
}

TEST_CASE("prometheus source: events of an expression have no error of the lane's own counters") {
    const Script script = [](std::string_view query, int) {
        return Scripted{
            .body = query == "sum(auth_errors)"                  ? number_body("4")
                    : query.contains("> 0) unless on (")         ? number_body("7")
                    : query.contains("oa_stream_terminal_total") ? number_body("0")
                    : query.starts_with("sum (")                 ? number_body("999.6")
                                                                 : ""
        };
    };
    Question question = question_of();
    question.classes = {std::string(k_unauthorised)};
    CHECK(read(script, question).may_have_missed == 7);
    question.promql = "sum(auth_errors)";
    const auto got = read(script, question);
    REQUIRE(got.state == State::measured);
    CHECK(got.tally.requests == Counts{4, 1000});
    CHECK(got.may_have_missed == 0);
    CHECK(got.count_error == 0);
}
