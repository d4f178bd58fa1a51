// What is not there, no longer fresh, warned about or nonsense never becomes a number.
#include "oa_stream/measure/gate_reading.hpp"

#include "fake_prometheus.hpp"

#include <catch2/catch.hpp>
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

using namespace oa_stream;
using namespace oa_stream::measure;
using namespace oa_stream::measure::test;

namespace {

using State = SourceReading::State;

/// A vector whose values are of NOW.
std::string at_now(std::string result) {
    constexpr std::string_view k_word = "NOW";
    for (std::size_t at = 0; (at = result.find(k_word, at)) != std::string::npos;) {
        result.replace(at, k_word.size(), fmt::format("{}", k_now_s));
    }
    return vector_body(result);
}

struct Trap {
    std::string name;
    std::string word; ///< of the query
    std::string body;
    std::string why;  ///< in the reason
};

std::vector<Trap> traps() {
    const std::string warning = R"(,"warnings":["remote read failed"])";
    return {
        {"nothing is scraped", "build_info", "", "no oa_stream_build_info of revision r2"},
        {"the newest value is old",
         "oa_stream_build_info",
         matrix_body(scraped(k_now_s - 200)),
         "3m20s old"},
        {"one scrape is not an interval",
         "oa_stream_build_info",
         matrix_body(scraped(k_now_s - 5, 15, 1)),
         "but once"},
        {"the window holds three scrapes",
         "oa_stream_build_info",
         matrix_body(scraped(k_now_s - 5, 200, 3)),
         "too few scrapes"},
        {"warned about the scrapes", "oa_stream_build_info", matrix_body("", warning), "warns"},
        {"the target is down and rate() is healthy", "up", vector_body(up_of("0")), "is down"},
        {"no up tells whether it is scraped", "up", vector_body(""), "no up series"},
        {"warned about up", "up", vector_body(up_of("1"), warning), "warns"},
        {"a target with two revisions", "count by", vector_body(up_of("2")), "another revision"},
        {"NaN requests", "http_requests_total", number_body("NaN"), "NaN"},
        {"infinite requests", "http_requests_total", number_body("+Inf"), "+Inf"},
        {"warned about requests", "http_requests_total", number_body("5", warning), "warns"},
        {"no series of requests", "http_requests_total", vector_body(""), "no series match"},
        {"two series of requests",
         "http_requests_total",
         vector_body(up_of("1") + "," + up_of("1", "b:1")),
         "2 series"},
        {"NaN terminals", "terminal_total", number_body("NaN"), "NaN"},
        {"no series of terminals", "terminal_total", vector_body(""), "terminal_error"},
        {"no series with a status: a relabelled one",
         "status=~",
         vector_body(""),
         "http_5xx: no series match"},
        {"warned about terminals", "terminal_total", vector_body("", warning), "warns"},
        {"NaN in a bucket",
         "_bucket",
         at_now(R"({"metric":{"le":"+Inf"},"value":[NOW,"NaN"]})"),
         "bucket"},
        {"no bucket up to +Inf",
         "_bucket",
         at_now(R"({"metric":{"le":"1"},"value":[NOW,"5"]})"),
         "+Inf"},
        {"warned about buckets", "_bucket", vector_body("", warning), "warns"},
    };
}

} // namespace

TEST_CASE("prometheus source: a clock that is far from the server's decides nothing") {
    struct Clocks {
        std::chrono::seconds ahead; ///< the server's
        std::string why;            ///< empty: near enough
    };
    for (const auto& [ahead, why] : {
             Clocks{std::chrono::hours(1), "behind Prometheus's"},
             {-std::chrono::hours(1), "ahead of Prometheus's"},
             {std::chrono::seconds(5), ""},
             {-std::chrono::seconds(5), ""},
         }) {
        const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
        const auto date = fmt::format("{:%a, %d %b %Y %T} GMT", fmt::gmtime(now + ahead));
        FakePrometheus prometheus([&](std::string_view, int) {
            Scripted out;
            out.headers.set("date", date);
            return out;
        });
        const auto got = ask(prometheus, question_of());
        INFO(date << " " << (got ? got->why : got.error().text()));
        REQUIRE(got.has_value() == why.empty());
        if (!got) {
            CHECK(got.error().text().contains(why));
            CHECK(got.error().code == Code::precondition);
            CHECK(prometheus.queries.size() == 1);
        }
    }
}

TEST_CASE("prometheus source: a healthy lane is counted, its buckets and its queries kept") {
    FakePrometheus prometheus;
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->why.empty());
    REQUIRE(got->state == State::measured);
    CHECK(got->tally.requests == Counts{5, 1000});
    CHECK(got->tally.timed() == 995);
    CHECK(got->time_error == 2);
    CHECK(got->count_error == 0);
    CHECK(got->edge_error == Approx(1000 * 2 * 15 / 600.0));
    CHECK(got->newest_s == k_now_s - 5);
    CHECK(got->covered_s == Approx(600).margin(1));
    CHECK(got->query.contains("oa_stream_http_requests_total"));
    CHECK(got->source == "prometheus http://prometheus.test");
}

TEST_CASE("prometheus source: what cannot be believed is missing, and says which side") {
    for (const Trap& trap : traps()) {
        DYNAMIC_SECTION(trap.name) {
            FakePrometheus prometheus([&](std::string_view query, int) {
                const bool hit = trap.word == "up" || trap.word == "count by"
                                     ? query.starts_with(trap.word)
                                     : query.contains(trap.word) && !query.starts_with("up") &&
                                           !query.starts_with("count by") &&
                                           (trap.word.contains("build_info") ==
                                            query.starts_with("oa_stream_build_info"));
                if (trap.body.empty()) { // nothing of anybody
                    return Scripted{
                        .body = query.starts_with("oa_stream_build_info") ? matrix_body("")
                                                                          : vector_body("")
                    };
                }
                return Scripted{.body = hit ? trap.body : ""};
            });
            const auto got = ask(prometheus, question_of());
            REQUIRE(got.has_value());
            CAPTURE(got->why);
            CHECK(got->state == State::missing);
            CHECK(got->why.contains(trap.why));
            CHECK_FALSE(got->why.empty());
            CHECK(got->tally.requests == Counts{});
            CHECK(got->tally.buckets.empty());
        }
    }
}

TEST_CASE("prometheus source: a value of another time than the asked one is missing") {
    struct Row {
        std::string word; ///< of the query
        double apart_s;
        std::string_view says; ///< empty: believed
    };
    const std::array rows{
        Row{"5..", -86'400, "1d before"},
        Row{"5..", 86'400, "1d after"},
        Row{"_bucket", -86'400, "1d before"},
        Row{"up", -300, "5m before"},
        Row{"count by", 2, "2s after"},
        Row{"5..", -0.5, ""},
        Row{"5..", 0.5, ""},
    };
    for (const Row& row : rows) {
        DYNAMIC_SECTION(row.word << " " << row.apart_s) {
            FakePrometheus prometheus([&](std::string_view query, int) {
                const bool hit = row.word == "up" || row.word == "count by"
                                     ? query.starts_with(row.word)
                                     : query.contains(row.word);
                const std::string result = fmt::format(
                    R"({{"metric":{{{}}},"value":[{},"1"]}})",
                    row.word == "_bucket" ? R"("le":"+Inf")" : "",
                    k_now_s + row.apart_s
                );
                return Scripted{.body = hit ? vector_body(result) : ""};
            });
            const auto got = ask(prometheus, question_of());
            REQUIRE(got.has_value());
            CAPTURE(got->why);
            CHECK(got->state == (row.says.empty() ? State::measured : State::missing));
            CHECK(
                (row.says.empty() ||
                 got->why.contains(fmt::format(
                     "Prometheus answered with a value {} the time that was asked for", row.says
                 )))
            );
            CHECK((row.says.empty() || got->tally.requests == Counts{}));
        }
    }
}

TEST_CASE("prometheus source: a scrape of a time to come makes the window unknown") {
    FakePrometheus prometheus([](std::string_view query, int) {
        const bool scrapes = query.starts_with("oa_stream_build_info");
        return Scripted{.body = scrapes ? matrix_body(scraped(k_now_s + 60)) : ""};
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->state == State::missing);
    CHECK(got->why.contains("1m after the time that was asked for"));
}

TEST_CASE("prometheus source: several processes behind one target are told, never differenced") {
    FakePrometheus prometheus(only("(resets(oa_stream_process_start", vector_body(up_of("2"))));
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->state == State::missing);
    CHECK(got->why.contains("several processes answer at a:1 in turn"));
}

TEST_CASE("prometheus source: probes are left out, unless they are asked for") {
    for (const bool include : {false, true}) {
        FakePrometheus prometheus;
        PrometheusOptions options;
        options.include_probes = include;
        REQUIRE(ask(prometheus, question_of(), options).has_value());
        for (const std::string& query : prometheus.queries) {
            CAPTURE(query);
            const bool counts = query.contains("requests_total") ||
                                query.contains("oa_stream_terminal") || query.contains("_bucket");
            CHECK(
                query.contains("probe=\"\"") == (counts && (!include || query.contains("lacks")))
            );
        }
    }
}

TEST_CASE("prometheus source: no traffic is measured as none") {
    FakePrometheus prometheus([](std::string_view query, int) {
        const bool counts = query.starts_with("sum (");
        return Scripted{.body = counts ? number_body("0") : ""};
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    REQUIRE(got->state == State::measured);
    CHECK(got->tally.requests == Counts{0, 0});
}

TEST_CASE("prometheus source: a dead target beside a live one is told, and unknown when long dead"
) {
    const auto with = [](double newest_s, const std::vector<std::string>& dead = {"b:1"}) {
        return [newest_s, dead](std::string_view query, int) {
            Scripted out;
            std::string seen = scraped(k_now_s - 5);
            std::string up = up_of("1");
            for (const auto& instance : dead) {
                std::string one = scraped(newest_s);
                one.replace(one.find("a:1"), 3, instance);
                seen += "," + one;
                up += "," + up_of("0", instance);
            }
            if (query.starts_with("oa_stream_build_info")) {
                out.body = matrix_body(seen);
            } else if (query.starts_with("up")) {
                out.body = vector_body(up);
            }
            return out;
        };
    };
    const auto notes_of = [&](std::vector<std::string> dead) {
        FakePrometheus shortly(with(k_now_s - 20, std::move(dead)));
        const auto told = ask(shortly, question_of());
        REQUIRE(told.has_value());
        REQUIRE(told->state == State::measured);
        std::vector<std::string> down;
        std::ranges::copy_if(told->notes, std::back_inserter(down), [](const std::string& note) {
            return note.contains("down");
        });
        return down;
    };
    const auto one = notes_of({"b:1"});
    REQUIRE(one.size() == 1);
    CHECK(one[0].starts_with("target lane b:1 is down, last seen "));
    const auto two = notes_of({"b:1", "c:1"});
    REQUIRE(two.size() == 2);
    CHECK(two[1] == "2 of 3 targets are down");
    FakePrometheus long_dead(with(k_now_s - 120));
    const auto unknown = ask(long_dead, question_of());
    REQUIRE(unknown.has_value());
    CHECK(unknown->state == State::missing);
    CHECK(unknown->why.contains("what it did since is unknown (at 2026-11-"));
}

TEST_CASE("prometheus source: a target without an up series is not told as down") {
    FakePrometheus prometheus([](std::string_view query, int) {
        std::string beside = scraped(k_now_s - 120);
        beside.replace(beside.find("a:1"), 3, "b:1");
        const bool scrapes = query.starts_with("oa_stream_build_info");
        return scrapes ? Scripted{.body = matrix_body(scraped(k_now_s - 5) + "," + beside)}
                       : Scripted{};
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CAPTURE(got->why);
    CHECK(got->state == State::measured);
    CHECK(std::ranges::none_of(got->notes, [](const std::string& note) {
        return note.contains("down");
    }));
}

TEST_CASE("prometheus source: a target that died before the window is told") {
    FakePrometheus prometheus([](std::string_view query, int) {
        // Prometheus has the dead one in so long a look back alone.
        const bool far = query.starts_with("up") && query.contains("[1d]");
        return far ? Scripted{.body = vector_body(up_of("1") + "," + up_of("0", "b:1"))}
                   : Scripted{};
    });
    const double window_s = GENERATE(120.0, 600.0);
    const auto got = ask(prometheus, question_of(window_s));
    REQUIRE(got.has_value());
    CHECK(got->state == State::missing);
    CHECK(got->why.contains("target lane b:1 is down, last seen more than "));
}

TEST_CASE("prometheus source: two replicas of Prometheus count once") {
    FakePrometheus prometheus([](std::string_view query, int) {
        if (query.starts_with("oa_stream_build_info")) {
            return Scripted{
                .body = matrix_body(
                    scraped(k_now_s - 5, 15, 40, R"(,"replica":"0")") + "," +
                    scraped(k_now_s - 12, 15, 40, R"(,"replica":"1")")
                )
            };
        }
        if (query.starts_with("sum (")) {
            return Scripted{
                .body = at_now(
                    R"({"metric":{"replica":"0"},"value":[NOW,"7"]},{"metric":{"replica":"1"},"value":[NOW,"9"]})"
                )
            };
        }
        return Scripted{};
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    REQUIRE(got->state == State::measured);
    CHECK(got->tally.requests == Counts{9, 9});
    CHECK(got->edge_error == Approx(9 * 2 * 15 / got->covered_s));
    CHECK(got->query.contains("max without (replica, prometheus_replica, __replica__)"));
}

TEST_CASE("prometheus source: what increase() made up is rounded and its error stated") {
    FakePrometheus prometheus([](std::string_view query, int) {
        if (query.contains("terminal_total") && !query.starts_with("count by")) {
            return Scripted{.body = number_body("0.02")};
        }
        return Scripted{.body = query.contains("5..") ? number_body("0") : ""};
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->tally.requests == Counts{1, 1000});
    CHECK(got->count_error == 0.5);
    CHECK(std::ranges::any_of(got->notes, [](const std::string& note) {
        return note.contains("increase()");
    }));
}

struct Refusal {
    std::string_view name;
    Scripted answer;
    Code want;
    std::size_t requests; ///< until it gives up
};
TEST_CASE("prometheus source: what is no answer is an error of its kind, repeated when that helps"
) {
    using enum net::TransferFailure;
    const std::string cut = number_body("5").substr(0, 60);
    const std::array rows{
        Refusal{"refused", {.failure = refused}, Code::network, 4},
        Refusal{"reset", {.failure = reset}, Code::network, 4},
        Refusal{"cut short", {.failure = truncated}, Code::network, 4},
        Refusal{"hangs", {.failure = total_timeout}, Code::timeout, 4},
        Refusal{"no TLS", {.failure = tls}, Code::network, 1},
        Refusal{"too large for the client", {.failure = too_large}, Code::too_large, 1},
        Refusal{"401", {.status = 401, .body = "no"}, Code::credentials, 1},
        Refusal{"404", {.status = 404, .body = "404 page not found"}, Code::protocol, 1},
        Refusal{"503 while it starts", {.status = 503, .body = "starting"}, Code::unavailable, 4},
        Refusal{"429", {.status = 429, .body = "later"}, Code::unavailable, 4},
        Refusal{
            "bad query",
            {.status = 400, .body = R"({"status":"error","errorType":"bad_data","error":"parse"})"},
            Code::config,
            1
        },
        Refusal{"HTML with 200", {.body = "<html>login</html>"}, Code::protocol, 1},
        Refusal{"half of an answer", {.body = cut}, Code::protocol, 1},
        Refusal{
            "a huge answer", {.body = std::string(std::size_t{9} << 20U, ' ')}, Code::too_large, 1
        },
    };
    for (const Refusal& row : rows) {
        DYNAMIC_SECTION(row.name) {
            FakePrometheus prometheus([&](std::string_view, int) { return row.answer; });
            const auto got = ask(prometheus, question_of());
            REQUIRE_FALSE(got.has_value());
            CAPTURE(got.error().text());
            CHECK(got.error().code == row.want);
            CHECK(prometheus.requests.size() == row.requests);
            CHECK(got.error().where == "http://prometheus.test/api/v1/query");
        }
    }
}

TEST_CASE("prometheus source: 5xx, 429 and resets pass") {
    FakePrometheus prometheus([](std::string_view, int attempt) {
        return attempt == 1   ? Scripted{.status = 503, .body = "starting"}
               : attempt == 2 ? Scripted{.failure = net::TransferFailure::reset}
                              : Scripted{};
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->tally.requests == Counts{5, 1000});
}

TEST_CASE("prometheus source: one deadline for all tries, whatever Retry-After asks for") {
    const std::string asked = GENERATE("3600", "Fri, 01 Jan 2038 00:00:00 GMT");
    FakePrometheus prometheus([&](std::string_view, int) {
        return Scripted{.status = 429, .body = "later", .headers = {{"retry-after", asked}}};
    });
    const auto got = ask(prometheus, question_of(), {.deadline = Millis(200)});
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().code == Code::unavailable);
    CHECK(prometheus.requests.size() == 1);
    FakePrometheus slow([](std::string_view, int) {
        return Scripted{.failure = net::TransferFailure::total_timeout, .failure_text = "199ms"};
    });
    const auto late = ask(slow, question_of(), {.deadline = Millis(200)});
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().message.ends_with("within 200ms for all queries of one question"));
}

TEST_CASE("prometheus source: values that no counter has are nonsense") {
    for (const std::string_view value : {"-1", "1e300"}) {
        FakePrometheus prometheus(only("terminal_total", number_body(value)));
        const auto got = ask(prometheus, question_of());
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::protocol);
    }
}

TEST_CASE("prometheus source: a revision is joined by build_info or told by a label") {
    FakePrometheus joined;
    const auto by_join = ask(joined, question_of(), {.matchers = R"(cluster="eu")"});
    REQUIRE(by_join.has_value());
    CHECK(by_join->query.contains(
        R"(and on (job, instance) last_over_time(oa_stream_build_info{revision="r2",cluster="eu"}[10m]))"
    ));
    FakePrometheus labelled;
    Question question = question_of();
    question.revision = "a\"b\\c";
    question.routes = {"/api/chats/{conversationId}/stream"};
    const auto by_label = ask(labelled, question, {.revision_label = "rev"});
    REQUIRE(by_label.has_value());
    CHECK(by_label->query.contains(
        R"(method="POST",route="/api/chats/{conversationId}/stream",probe="",rev="a\"b\\c"})"
    ));
    CHECK_FALSE(by_label->query.contains("oa_stream_http_requests_total{method=\"POST\"}"));
    CHECK(std::ranges::none_of(labelled.queries, [](const std::string& query) {
        return query.starts_with("count by (job, instance) (count by"); // by revisions
    }));
}

TEST_CASE("prometheus source: only POST on the asked routes counts, in a pattern that means them") {
    FakePrometheus prometheus;
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->query.contains(
        R"(method="POST",route=~"/api/chat/stream|/api/chat|/api/chats/[{]conversationId[}]/stream|/v1/responses|/v1/chat/completions")"
    ));
}

TEST_CASE("prometheus source: failed turns that were answered 5xx count once; older lanes lack them"
) {
    FakePrometheus prometheus(only("terminal_5xx_total", number_body("2")));
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->tally.requests == Counts{3, 1000}); // 3 answered 5xx, 2 failed, both of which were
    FakePrometheus old(only("terminal_5xx_total", vector_body("")));
    const auto older = ask(old, question_of());
    REQUIRE(older.has_value());
    CHECK(older->state == State::measured);
    CHECK(older->tally.requests == Counts{5, 1000});
    CHECK(std::ranges::any_of(older->notes, [](const std::string& note) {
        return note.contains("failed turns answered 5xx: they count twice");
    }));
}

TEST_CASE("prometheus source: turns that may have ended at a time limit without content are stated"
) {
    const std::string classes = "class=~\"turn_aborted|codex_error\"";
    FakePrometheus prometheus(only(classes, number_body("40")));
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    REQUIRE(got->state == State::measured);
    CHECK(got->time_error == 40);
    CHECK(got->count_error == 0);
    CHECK(got->notes.back().contains("40 turns ended as turn_aborted or codex_error"));
    Question question = question_of();
    question.slower_than_s = 2.5;
    const auto slow = ask(prometheus, question);
    REQUIRE(slow.has_value());
    CHECK(slow->count_error == 0); // the 10 that were counted were slow
    CHECK(slow->may_have_missed == 40);
    FakePrometheus without(only(classes, vector_body("")));
    const auto nothing = ask(without, question_of());
    REQUIRE(nothing.has_value());
    CHECK(nothing->state == State::measured);
    CHECK(nothing->tally.buckets.empty()); // and so no times are known
    FakePrometheus renamed(only("class=~", vector_body("")));
    const auto unknown = ask(renamed, question);
    REQUIRE(unknown.has_value());
    CHECK(unknown->state == State::missing);
    CHECK(unknown->why.contains("turns that failed: no series match"));
}

TEST_CASE("prometheus source: slow ones are counted by a bucket bound, and only by one") {
    FakePrometheus prometheus;
    Question question = question_of();
    question.slower_than_s = 2.5;
    const auto got = ask(prometheus, question);
    REQUIRE(got.has_value());
    CHECK(got->tally.requests == Counts{10, 995});
    question.slower_than_s = 2;
    const auto between = ask(prometheus, question);
    REQUIRE_FALSE(between.has_value());
    CHECK(between.error().code == Code::config);
    FakePrometheus without(only("_bucket", vector_body("")));
    question.slower_than_s = 2.5;
    const auto nothing = ask(without, question);
    REQUIRE(nothing.has_value());
    CHECK(nothing->state == State::missing);
}

TEST_CASE("prometheus source: a long window is covered as far as it was scraped") {
    FakePrometheus prometheus;
    const auto got = ask(prometheus, question_of(30.0 * 86'400));
    REQUIRE(got.has_value());
    REQUIRE(got->state == State::measured);
    CHECK(got->covered_s == Approx(3 * 259.2)); // three steps of 30d / 10,000
    CHECK(got->query.contains("increase(oa_stream_http_requests_total"));
    CHECK_FALSE(got->query.contains("min_over_time"));
}

TEST_CASE("prometheus source: a gap in a short window is not covered") {
    FakePrometheus prometheus([](std::string_view query, int) {
        const bool scrapes = query.starts_with("oa_stream_build_info");
        return Scripted{.body = scrapes ? matrix_body(scraped(k_now_s - 5, 15, 10)) : ""};
    });
    const auto got = ask(prometheus, question_of());
    REQUIRE(got.has_value());
    CHECK(got->covered_s == Approx(9 * 15 + 15 + 5));
}

TEST_CASE("prometheus source: credentials go in headers and come back in no message") {
    FakePrometheus bearer([](std::string_view, int) {
        return Scripted{.status = 401, .body = "token s3cret-t0ken is wrong"};
    });
    const auto refused = ask(bearer, question_of(), {.bearer = Secret("s3cret-t0ken")});
    REQUIRE_FALSE(refused.has_value());
    CHECK_FALSE(refused.error().text().contains("s3cret"));
    CHECK(bearer.requests[0].bearer.equals("s3cret-t0ken"));
    CHECK_FALSE(bearer.requests[0].url.contains("s3cret"));
    FakePrometheus basic;
    CHECK(ask(basic, question_of(), {.user = "ops", .password = Secret("pw"), .ca_file = "ca.pem"})
              .has_value());
    CHECK(basic.requests[0].ca_file == "ca.pem");
    CHECK(basic.requests[0].headers.get("authorization") == "Basic b3BzOnB3");
    CHECK_FALSE(check({.url = "http://a", .bearer = Secret("t"), .user = "ops"}).has_value());
}

TEST_CASE("prometheus source: options that make no sense are refused") {
    CHECK(check({.url = "https://monitoring.test/v1/projects/p/location/global/prometheus"}));
    CHECK_FALSE(check({.url = "prometheus:9090"}));
    CHECK_FALSE(check({.url = "http://user:pw@prometheus:9090"}));
    CHECK_FALSE(check({.url = "http://p", .revision_label = "a-b"}));
    CHECK_FALSE(check({.url = "http://p", .matchers = "job=lane"}));
    CHECK(check({.url = "http://p", .matchers = R"(job=~"lane.*",env="prod")"}));
}
