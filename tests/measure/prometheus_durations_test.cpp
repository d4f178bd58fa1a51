// How long whole turns took, from lanes that count them and from lanes of an earlier version.
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

constexpr std::string_view k_of_turns = "oa_stream_turn_duration_seconds_bucket";
constexpr std::string_view k_of_requests = "oa_stream_http_request_duration_seconds_bucket";
constexpr std::string_view k_of_contents = "oa_stream_first_content_seconds_bucket";

struct TimedLanes {
    bool whole_turns = true; ///< all of them count those
    std::string completed = "995";
    int within_1s = 900;
    int within_2_5s = 985;
    int all = 995;
};

bool asks_for_whole_turns(std::string_view query) {
    return query.starts_with("count (") && query.contains("unless on () (");
}

Script script_of(const TimedLanes& lanes) {
    return [lanes](std::string_view query, int) {
        const auto bucket = [](std::string_view le, int count) {
            return fmt::format(
                R"({{"metric":{{"le":"{}"}},"value":[{},"{}"]}})", le, k_now_s, count
            );
        };
        Scripted out;
        if (asks_for_whole_turns(query)) {
            out.body = lanes.whole_turns ? number_body("5") : vector_body("");
        } else if (query.starts_with("sum by (le)")) {
            out.body = vector_body(
                bucket("1", lanes.within_1s) + "," + bucket("2.5", lanes.within_2_5s) + "," +
                bucket("+Inf", lanes.all)
            );
        } else if (query.contains(R"(class="completed")")) {
            out.body = number_body(lanes.completed);
        }
        return out;
    };
}

struct DurationsRead {
    SourceReading reading;
    std::vector<std::string> queries;

    [[nodiscard]] bool in_query(std::string_view begin, std::string_view words) const {
        return std::ranges::any_of(queries, [&](const std::string& query) {
            return query.starts_with(begin) && query.contains(words);
        });
    }
};

DurationsRead ask_durations(const TimedLanes& lanes, Question question = question_of()) {
    question.timing = Timing::duration;
    FakePrometheus prometheus(script_of(lanes));
    const auto got = ask(prometheus, question);
    REQUIRE(got.has_value());
    REQUIRE(got->state == SourceReading::State::measured);
    return {*got, prometheus.queries};
}

Verdict judge_p95(const SourceReading& canary, double limit, const SourceReading& stable = {}) {
    GateSpec gate{
        .id = "p95", .metric = Metric::quantile, .limit = limit, .timing = Timing::duration
    };
    if (stable.state == SourceReading::State::measured) {
        gate.against = Against::stable;
    }
    return evaluate_readings(gate, canary, stable, {}).verdict;
}

} // namespace

TEST_CASE("prometheus source: a duration is that of whole turns where all lanes count them") {
    const DurationsRead asked = ask_durations({.completed = "120"});
    CHECK(asked.reading.tally.timed() == 995);
    CHECK(asked.reading.other_times == 0);
    CHECK(asked.in_query("sum by (le)", k_of_turns));
    CHECK_FALSE(asked.in_query("sum by (le)", k_of_requests));
    CHECK_FALSE(asked.in_query("sum", R"(class="completed")"));
    CHECK(asked.in_query("count by (job, instance, lacks)", fmt::format(R"("{}")", k_of_turns)));
    CHECK(judge_p95(asked.reading, 2.5) == Verdict::pass);
    // A turn that a time limit ended is in neither histogram.
    CHECK(asked.reading.time_error == 2);
}

TEST_CASE("prometheus source: durations of requests that were not turns are counted") {
    const DurationsRead asked = ask_durations({.whole_turns = false, .completed = "120"});
    CHECK(asked.reading.tally.timed() == 995);
    CHECK(asked.reading.other_times == 880);
    CHECK(asked.in_query("sum by (le)", k_of_requests));
    CHECK_FALSE(asked.in_query("sum by (le)", k_of_turns));
    CHECK(std::ranges::any_of(asked.reading.notes, [](const std::string& note) {
        return note.contains("not every lane and route of the window has turn_duration_seconds") &&
               note.contains("the times of 880 resumes, refused and failed requests");
    }));
    CHECK(judge_p95(asked.reading, 2.5) == Verdict::inconclusive);
    const auto others = [](std::string completed) {
        return ask_durations({.whole_turns = false, .completed = std::move(completed)})
            .reading.other_times;
    };
    CHECK(others("1000.3") == 0); // increase() guesses
    FakePrometheus prometheus(script_of({.whole_turns = false, .completed = "120"}));
    const auto first_content = ask(prometheus, question_of());
    REQUIRE(first_content.has_value());
    CHECK(first_content->other_times == 0); // a first content is of a turn
    CHECK(std::ranges::none_of(prometheus.queries, asks_for_whole_turns));
}

TEST_CASE("prometheus source: one lane without whole turns in the window, and none are used") {
    // Each scrape with the first contents of a route has the durations of its turns: of the lanes
    // that are gone, of the process before at the same address, of users. A route without turns
    // has neither.
    Question question = question_of();
    question.routes = {"/api/chat/stream", "/api/chats"};
    const DurationsRead asked = ask_durations({}, question);
    const auto query = std::ranges::find_if(asked.queries, asks_for_whole_turns);
    REQUIRE(query != asked.queries.end());
    const auto scrapes = [&](std::string_view metric) {
        const auto at = query->find(fmt::format("count_over_time({}{{", metric));
        REQUIRE(at != std::string::npos);
        return query->substr(at, query->find("[10m])", at) + 6 - at);
    };
    const std::string whole = scrapes(k_of_turns);
    const std::string all = scrapes(k_of_contents);
    for (const std::string_view label :
         {"route=~\"/api/chat/stream|/api/chats\"", R"(le="+Inf")", R"(probe="")"}) {
        CAPTURE(label);
        CHECK(whole.contains(label));
        CHECK(all.contains(label));
    }
    const std::string ours =
        R"x( and on (job, instance) last_over_time(oa_stream_build_info{revision="r2"}[10m])))x";
    CHECK(
        *query ==
        fmt::format("count (({0}){2} unless on () (({1} unless {1} == {0}){2}", whole, all, ours)
    );
}

TEST_CASE("prometheus source: versus a stable of an earlier version its doubt remains") {
    const auto stable = [](bool whole_turns) {
        return ask_durations({.whole_turns = whole_turns,
                              .completed = "120",
                              .within_1s = 400,
                              .within_2_5s = 800,
                              .all = 800})
            .reading;
    };
    const DurationsRead canary = ask_durations({.within_1s = 400, .within_2_5s = 400, .all = 400});
    CHECK(judge_p95(canary.reading, 0.2, stable(true)) == Verdict::pass);
    // Its slowest times may be of resumes: then it is as fast as the canary, or faster.
    CHECK(stable(false).other_times == 880);
    CHECK(judge_p95(canary.reading, 0.2, stable(false)) == Verdict::inconclusive);
    // An earlier canary against a stable of this version.
    CHECK(judge_p95(stable(false), 0.2, canary.reading) != Verdict::pass);
}

TEST_CASE("prometheus source: what a restart hides of durations is that of whole turns") {
    for (const bool whole_turns : {true, false}) {
        CAPTURE(whole_turns);
        Question question = question_of();
        question.timing = Timing::duration;
        const Script script = script_of({.whole_turns = whole_turns});
        FakePrometheus prometheus([=](std::string_view query, int attempt) {
            Scripted out = script(query, attempt);
            if (query.contains("group_left () max by")) {
                out.body = number_body(query.contains("_bucket") ? "900" : "0");
            } else if (query.contains("changes(") && !query.contains("sum_over_time(up")) {
                out.body = vector_body(up_of("1"));
            }
            return out;
        });
        const auto got = ask(prometheus, question);
        REQUIRE(got.has_value());
        CHECK(got->times_missed == 900);
        CHECK(std::ranges::any_of(prometheus.queries, [&](const std::string& query) {
            return query.contains("group_left () max by") &&
                   query.contains(whole_turns ? k_of_turns : k_of_requests);
        }));
    }
}
