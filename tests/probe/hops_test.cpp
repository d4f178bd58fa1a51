#include "oa_stream/probe/hops.hpp"

#include "support/smoked.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::probe {
namespace {

ProbeSample good(double every_s) {
    ProbeSample out;
    out.outcome = Outcome::ok;
    out.status = 200;
    out.pacing = Pacing::streamed;
    out.clocks.headers = 0;
    out.clocks.first_content = 0.1;
    out.clocks.end = 20;
    out.headers = {{"Content-Type", "text/event-stream"}, {"x-request-id", "a"}};
    for (double at = 0; at <= 20; at += every_s) {
        out.timing_ndjson += fmt::format("{{\"t\":{:.6f},\"bytes\":{}}}\n", at, 60);
    }
    return out;
}

HopSeen hop(std::string name) {
    HopSeen out{.name = std::move(name)};
    out.silent = good(5);
    out.steady = good(0.25);
    out.whole = WholeAnswer{.status = 200, .end_s = 20};
    out.plain = good(0.1);
    out.idle = {{5, true}, {10, true}, {20, true}};
    return out;
}

std::vector<HopSeen> chain() {
    return {hop("client"), hop("edge"), hop("origin")};
}

const Check& find(const std::vector<Check>& checks, std::string_view id) {
    const auto found = std::ranges::find(checks, fmt::format("stream.hops.{}", id), &Check::id);
    REQUIRE(found != checks.end());
    return *found;
}

std::vector<Check> judged(const std::vector<HopSeen>& seen) {
    return judge_hops(seen, Millis(20'000), "stream");
}

} // namespace

TEST_CASE("hops: a chain that changes nothing passes every check, and the heartbeat is told") {
    const auto checks = judged(chain());
    REQUIRE(checks.size() == 7);
    for (const Check& check : checks) {
        CAPTURE(check.id, check.detail);
        CHECK(check.verdict == Verdict::pass);
    }
    CHECK(find(checks, "silence").detail.contains("the heartbeat every 5.0s is passed on"));
}

TEST_CASE("hops: a fault that is seen from outside is the innermost hop's that shows it") {
    auto seen = chain();
    for (const std::size_t i :
         {0U, 1U}) { // the edge cuts; through the client's proxy it looks the same
        seen[i].silent->outcome = Outcome::truncated;
        seen[i].silent->silence_s = 2.04;
        seen[i].whole = WholeAnswer{.status = 504, .end_s = 2.1, .why = "HTTP 504"};
    }
    auto checks = judged(seen);
    CHECK(find(checks, "silence").verdict == Verdict::fail);
    CHECK(find(checks, "silence").data["hop"] == "edge");
    CHECK(find(checks, "silence").detail.starts_with("edge cuts a stream after 2.0s of silence"));
    CHECK(find(checks, "whole-answer").data["hop"] == "edge");
    CHECK(find(checks, "duration").verdict == Verdict::pass);

    seen[2].silent->outcome = Outcome::stalled;
    checks = judged(seen);
    CHECK(find(checks, "silence").data["hop"] == "origin");
    CHECK(find(checks, "silence").detail.contains("the lane itself"));
}

TEST_CASE("hops: heartbeats, content and headers that a hop keeps to itself") {
    auto seen = chain();
    seen[0].silent = good(20);
    seen[0].steady->clocks.first_content = 4.3;
    seen[1].plain.headers = {{"content-type", "text/plain"}};
    seen[0].plain.headers = {{"content-type", "text/plain"}, {"content-encoding", "gzip"}};
    seen[1].idle = {{5, true}, {10, false}, {20, false}};
    const auto checks = judged(seen);
    CHECK(find(checks, "silence").detail.starts_with("client holds the lane's heartbeat back"));
    CHECK(find(checks, "buffering").detail.starts_with("client holds content back for up to 4.2s"));
    CHECK(find(checks, "headers").data["hop"] == "edge");
    CHECK(find(checks, "headers").detail.contains("content-type (changed), x-request-id (gone)"));
    CHECK(find(checks, "compression").data["hop"] == "client");
    CHECK(find(checks, "keep-alive")
              .detail.contains("edge closes a connection that is idle for 5.0 to 10.0s"));
}

TEST_CASE("hops: a heartbeat that is nearly as long as the turn's silence is missed, too") {
    auto seen = chain();
    for (HopSeen& one : seen) {
        one.silent = good(15.1); // then the turn goes on at 20 s
    }
    CHECK(find(judged(seen), "silence").detail.contains("the heartbeat every 15.1s is passed on"));
    seen[0].silent = good(20);
    const auto checks = judged(seen);
    CHECK(find(checks, "silence").verdict == Verdict::fail);
    CHECK(find(checks, "silence").data["hop"] == "client");
    for (HopSeen& one : seen) {
        one.silent = good(20);
    }
    CHECK(find(judged(seen), "silence").detail.contains("no heartbeat came in that time"));
}

TEST_CASE("hops: a header of one answer alone may differ, and must only be there") {
    auto seen = chain();
    for (HopSeen& one : seen) {
        for (ProbeSample* sample : {&one.plain, &*one.steady, &*one.silent}) {
            sample->headers.add("x-trace", one.name + std::to_string(sample == &one.plain));
            sample->headers.add("Link", "</a>");
            sample->headers.add("link", "</b>");
        }
        one.plain.headers.add("x-first", one.name);
    }
    CHECK(find(judged(seen), "headers").verdict == Verdict::pass);
    seen[1].plain.headers.remove("x-trace");
    seen[1].plain.headers.remove("x-first"); // not on every answer of the origin
    seen[1].plain.headers.remove("link");
    seen[1].plain.headers.add("link", "</a>");
    CHECK(
        find(judged(seen), "headers").detail ==
        "edge changes headers of origin: x-trace (gone), link (changed)"
    );

    // A model gives one answer alone.
    for (HopSeen& one : seen) {
        one.silent.reset();
        one.steady.reset();
        one.plain.headers = {
            {"content-type", "a"}, {"x-cloud-trace-context", one.name}, {"cf-ray", one.name}
        };
    }
    CHECK(find(judged(seen), "headers").verdict == Verdict::pass);
}

TEST_CASE("hops: a smoke names, counts and removes their turns, too") {
    const bool outlasted = GENERATE(false, true); // by the smoke's own answer
    test::LoopRig loop;
    test::FakeLane lane(loop.executor());
    if (outlasted) {
        lane.script = [&lane](test::Script script) {
            if (!lane.threads.back().starts_with("oaprobe_hop")) {
                script.back() = test::Hang{};
            }
            return script;
        };
    }
    std::vector<std::string> asked;
    const test::Smoked smoked = test::smoke_with(loop, lane, [&](SmokeOptions& options) {
        options.hops = {{"edge", lane.url()}, {"origin", lane.url()}};
        options.hops_longest = Millis(40);
        options.limits.total = outlasted ? Millis(500) : options.limits.total;
        options.on_turn = [&asked](const std::string& thread) { asked.push_back(thread); };
    });
    std::erase_if(asked, [](const std::string& one) { return !one.starts_with("oaprobe_hop"); });
    CHECK(asked.size() >= 2);
    const Check& footprint = smoked.check("footprint");
    CHECK(footprint.data["turns"] == smoked.turns);
    for (const std::string& thread : asked) {
        CHECK(footprint.detail.contains(thread));
    }
    CHECK(lane.kept() == 0);
    CHECK(smoked.check("happy.chat").detail.contains("did not end in time") == outlasted);
}

TEST_CASE("hops: what the lane cannot be asked for is skipped, and an origin that is away an error"
) {
    auto seen = chain();
    for (HopSeen& one : seen) {
        one.silent.reset();
        one.steady.reset();
        one.whole.reset();
    }
    auto checks = judged(seen);
    for (const auto* id : {"silence", "duration", "whole-answer"}) {
        CHECK(find(checks, id).verdict == Verdict::skipped);
        CHECK_FALSE(find(checks, id).required);
    }
    CHECK(find(checks, "buffering").verdict == Verdict::pass);
    seen[2].plain.outcome = Outcome::refused;
    checks = judged(seen);
    REQUIRE(checks.size() == 1);
    CHECK(checks[0].verdict == Verdict::error);
    CHECK(checks[0].detail.starts_with("origin does not answer"));
}

TEST_CASE("hops: an answer that lacks a header is whole, from the lane itself, too") {
    auto seen = chain();
    const std::size_t from = GENERATE(0U, 2U); // nginx takes x-accel-buffering away
    for (std::size_t i = 0; i <= from; ++i) {
        for (ProbeSample* sample : {&seen[i].plain, &*seen[i].steady, &*seen[i].silent}) {
            sample->outcome = Outcome::headers_missing;
        }
    }
    for (const Check& check : judged(seen)) {
        CAPTURE(check.id, check.detail);
        CHECK(check.verdict == Verdict::pass);
    }
    CHECK(judge_authority(seen[2], Millis(20'000), "stream").detail.contains("at most"));
}

TEST_CASE("hops: a hop that refuses an ordinary turn is not the one that cuts streams") {
    const auto [outcome, status] = GENERATE(table<Outcome, int>(
        {{Outcome::refused, 0},
         {Outcome::unauthorised, 401},
         {Outcome::http_status, 429},
         {Outcome::wrong_content_type, 200}} // a login page
    ));
    auto seen = chain();
    for (ProbeSample* sample : {&seen[1].plain, &*seen[1].steady, &*seen[1].silent}) {
        *sample = {.outcome = outcome, .status = status, .detail = "why"};
    }
    seen[1].whole = WholeAnswer{.status = status, .why = "why"};
    seen[0].plain.headers.add("content-encoding", "gzip");
    const auto checks = judged(seen);
    REQUIRE(checks.size() == 8);
    CHECK(find(checks, "reach").verdict == Verdict::error);
    CHECK(find(checks, "reach").detail == "edge does not answer: why");
    CHECK(find(checks, "compression").data["hop"] == "client");
    for (const auto* id : {"silence", "whole-answer", "duration", "buffering", "headers"}) {
        CAPTURE(id, find(checks, id).detail);
        CHECK(find(checks, id).verdict == Verdict::pass);
    }
    // Nothing of an authority is seen past it.
    const Check authority = judge_authority(seen[1], Millis(20'000), "stream");
    CHECK(authority.verdict == Verdict::error);
    CHECK(authority.detail == "edge does not answer: why");
}

TEST_CASE("hops: names and addresses are read, and anything else is refused") {
    const auto two = parse_hops("edge=https://e.example/,origin=http://127.0.0.1:8080");
    REQUIRE(two);
    CHECK((*two)[0].base_url == "https://e.example");
    CHECK((*two)[1].name == "origin");
    for (const auto* bad :
         {"", "a=b", "a=b,a=c", "a=b,c", "=b,c=d", "a=,b=c", "a=1,b=1,c=1,d=1,e=1,f=1,g=1"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_hops(bad));
    }
}

TEST_CASE("hops: the authority is the last hop, and has no address") {
    const auto hops = parse_hops("origin=http://127.0.0.1:1,authority");
    REQUIRE(hops);
    CHECK(hops->size() == 2);
    CHECK(hops->back().name == "authority");
    CHECK(hops->back().base_url.empty());
    CHECK_FALSE(parse_hops("authority"));
    CHECK_FALSE(parse_hops("authority,origin=http://127.0.0.1:1"));
    CHECK_FALSE(parse_hops("origin=http://127.0.0.1:1,authority,x=http://127.0.0.1:2"));
}

TEST_CASE("hops: what the authority does is told from what the lane does") {
    const auto judge = [](const HopSeen& inside) {
        return judge_authority(inside, Millis(20'000), "stream");
    };
    HopSeen inside = hop("origin");
    inside.steady->max_gap_s = 0.262;
    Check check = judge(inside);
    CHECK(check.id == "stream.hops.authority");
    CHECK(check.verdict == Verdict::pass);
    CHECK(check.detail.contains("at most 12ms later"));

    inside.steady->max_gap_s = 2.5;
    check = judge(inside);
    CHECK(check.verdict == Verdict::fail);
    CHECK(check.data["hop"] == "authority");
    CHECK(check.data["limit_s"] == 2.5);

    // A model has no times of its own; what was not tried is not known.
    inside.steady.reset();
    inside.silent.reset();
    inside.plain.clocks.first_content = 1.3;
    inside.plain.max_gap_s = 4;
    check = judge(inside);
    CHECK(check.verdict == Verdict::pass);
    CHECK(check.detail.contains("after 1.3s and was silent for 4.0s at most"));
    inside.plain.max_gap_s = 25;
    CHECK(judge(inside).verdict == Verdict::inconclusive);

    inside.plain.outcome = Outcome::in_stream_error;
    inside.plain.error_code = "authority_lost";
    check = judge(inside);
    CHECK(check.data["hop"] == "authority");
    CHECK(check.detail.contains("authority_lost"));
    inside.plain.error_code = "overloaded"; // a limit of the lane
    CHECK(judge(inside).verdict == Verdict::inconclusive);
}

TEST_CASE(
    "hops: a lane whose heartbeat goes on waits for its authority; one without is silent itself"
) {
    HopSeen inside{.name = "origin"};
    inside.plain.outcome = Outcome::too_slow;
    inside.plain.clocks.headers = 0;
    inside.plain.clocks.end = 50;
    for (int at = 3; at < 50; at += 3) {
        inside.plain.timing_ndjson += fmt::format("{{\"t\":{}.0,\"bytes\":8}}\n", at);
    }
    Check check = judge_authority(inside, Millis(20'000), "stream");
    CHECK(check.data["hop"] == "authority");
    CHECK(check.detail.contains("heartbeat of origin every 3.0s goes on"));
    inside.plain.timing_ndjson.clear();
    check = judge_authority(inside, Millis(20'000), "stream");
    CHECK(check.verdict == Verdict::fail);
    CHECK(check.data["hop"] == "origin");
}

} // namespace oa_stream::probe
