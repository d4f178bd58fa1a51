#include "oa_stream/probe/shadow.hpp"

#include "support/fake_lane.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <map>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

namespace {

struct Compared {
    std::vector<Check> checks{};
    std::map<std::string, std::size_t> kept{};
    std::vector<Json> pairs{};
    [[nodiscard]] const Check& check(const std::string& id) const {
        const auto found = std::ranges::find(checks, id, &Check::id);
        REQUIRE(found != checks.end());
        return *found;
    }
};

Compared compare(
    const std::function<void(FakeLane&)>& lane_is,
    const std::function<void(FakeLane&)>& reference_is,
    const std::function<void(ShadowOptions&)>& with = {}
) {
    LoopRig loop;
    FakeLane lane(loop.executor());
    FakeLane reference(loop.executor());
    ShadowOptions options;
    options.lane.base_url = lane.url();
    const std::string reference_url = reference.url();
    lane_is(lane);
    reference_is(reference);
    const auto client = net::HttpClient::make(loop.executor());
    Compared out;
    options.lane.bearer = Secret(lane.token);
    options.reference = options.lane;
    options.reference->base_url = reference_url;
    options.prompts = {{.text = "hello"}};
    options.runs = 3;
    options.limits = {Millis(2000), Millis(2000), Millis(2000), Millis(20000)};
    options.keep = [&out](const std::string& stem, const ProbeSample& sample) {
        out.kept[stem] = sample.raw_body.size();
        return std::vector{stem + ".sse"};
    };
    options.on_pair = [&out](const Json& pair) { out.pairs.push_back(pair); };
    if (with) {
        with(options);
    }
    out.checks = loop.run(shadow(*client, std::move(options)));
    return out;
}

const auto k_good = [](FakeLane&) {};
const auto k_fails = [](FakeLane& lane) {
    lane.frames = [](const std::string&) { return failed_body(); };
};
/// Longer than what is compared.
const auto k_long = [](FakeLane& lane) {
    lane.frames = [](std::string body) {
        const auto at = body.find("data: {\"type\":\"text-delta\"");
        const std::string delta = body.substr(at, body.find("\n\n", at) + 2 - at);
        std::string many;
        while (many.size() < (9U << 20U)) {
            many += delta;
        }
        return body.insert(at, many);
    };
};
const auto k_drops = [](FakeLane& lane) {
    lane.frames = [](std::string body) {
        const auto at = body.find("data: {\"type\":\"text-delta\"");
        return body.erase(at, body.find("\n\n", at) + 2 - at);
    };
};

} // namespace

TEST_CASE("shadow: what is longer than is compared is undecided, and did not end early") {
    const auto got = compare(k_long, k_long, [](ShadowOptions& o) { o.runs = 1; });
    const Check& turn = got.check("shadow.turn.1");
    INFO(turn.detail);
    CHECK(turn.verdict == Verdict::inconclusive);
    CHECK(turn.detail.find("longer than is compared") != std::string::npos);
}

TEST_CASE("shadow: two equal lanes pass, both streams of the first pair are kept") {
    const auto got = compare(k_good, k_good, [](ShadowOptions& o) { o.latency.judged = false; });
    const Check& turn = got.check("shadow.turn.1");
    CHECK(turn.verdict == Verdict::pass);
    CHECK(turn.data["pairs"] == 3);
    CHECK(got.kept.size() == 2);
    CHECK(got.kept.at("shadow.1.1.lane") > 0);
    CHECK(got.pairs.size() == 3);
    CHECK(got.check("shadow.footprint").data["turns"] == 6);
    CHECK(got.check("shadow.footprint").detail.ends_with("; 6 removed"));
    CHECK(run_verdict(got.checks) == Verdict::pass);
}

TEST_CASE("shadow: a difference fails whichever lane has it, with the streams that show it") {
    CHECK(compare(k_drops, k_good).check("shadow.turn.1").verdict == Verdict::fail);
    const auto got = compare(k_good, k_drops);
    const Check& turn = got.check("shadow.turn.1");
    CHECK(turn.verdict == Verdict::fail);
    CHECK(turn.data["different"] == 3);
    CHECK(turn.data["differences"][0]["what"] == "text");
    CHECK(turn.evidence.size() == 6);
}

TEST_CASE("shadow: prompts that are refused give no times, and the others are asked more often") {
    std::size_t pairs = 0;
    const auto mixed = compare(k_good, k_good, [&](ShadowOptions& o) {
        o.prompts = {{.text = "hello"}, {.text = "hello", .expect = "422"}};
        o.runs = 0;
        o.on_progress = [&pairs](std::size_t, std::size_t of) { pairs = of; };
    });
    CHECK(pairs == 120);
    CHECK_FALSE(mixed.check("shadow.latency.p95").data.contains("needs_n"));

    const auto refuses = [](FakeLane& lane) {
        lane.script = [](const Script&) { return Script{Send{json_answer(422, envelope("no"))}}; };
    };
    const auto refused = compare(refuses, refuses, [](ShadowOptions& o) {
        o.prompts = {{.text = "hello", .expect = "422"}};
        o.runs = 0;
    });
    CHECK(refused.pairs.size() == 1);
    CHECK(refused.check("shadow.turn.1").verdict == Verdict::pass);
    CHECK(refused.check("shadow.latency.whole").verdict == Verdict::skipped);
    CHECK(run_verdict(refused.checks) == Verdict::pass);
}

TEST_CASE("shadow: two lanes that fail alike are not equal") {
    const auto got = compare(k_fails, k_fails);
    const Check& turn = got.check("shadow.turn.1");
    CHECK(turn.verdict == Verdict::fail);
    CHECK(turn.detail.find("failing alike is not being equal") != std::string::npos);
    SECTION("unless that is what was expected of both") {
        const auto expected =
            compare(k_fails, k_fails, [](ShadowOptions& o) { o.prompts[0].expect = "failed"; });
        CHECK(expected.check("shadow.turn.1").verdict == Verdict::pass);
    }
    SECTION("a lane that fails alone fails") {
        CHECK(compare(k_fails, k_good).check("shadow.turn.1").verdict == Verdict::fail);
    }
}

TEST_CASE("shadow: a reference that fails alone is no evidence against the lane") {
    const auto never = compare(k_good, k_fails);
    CHECK(never.check("shadow.turn.1").verdict == Verdict::inconclusive);
    CHECK(never.check("shadow.turn.1").data["reference_failed"] == 3);

    // A playbook that leaves such a reference must not go back to it.
    const auto left =
        compare(k_good, k_fails, [](ShadowOptions& o) { o.latency.undecided_skips = true; });
    CHECK(left.check("shadow.turn.1").verdict == Verdict::skipped);

    const auto once = [](FakeLane& lane) {
        lane.frames = [n = 0](std::string body) mutable { return n++ == 0 ? failed_body() : body; };
    };
    const auto some = compare(k_good, once);
    CHECK(some.check("shadow.turn.1").verdict == Verdict::pass);
    CHECK(some.check("shadow.turn.1").detail.ends_with("; in 1 of 3 only the reference failed"));
    CHECK(compare(k_drops, once).check("shadow.turn.1").verdict == Verdict::fail);
}

TEST_CASE("shadow: a lane that is not there is an error, and is not asked for ever") {
    const auto gone = [](FakeLane& lane) { lane.stop_listening(); };
    const auto got = compare(gone, gone, [](ShadowOptions& o) { o.runs = 50; });
    CHECK(got.check("shadow.turn.1").verdict == Verdict::error);
    CHECK(got.pairs.size() == 3);
    CHECK(run_verdict(got.checks) == Verdict::error);
    CHECK_FALSE(got.check("shadow.footprint").detail.contains("keeps"));
    const auto half = compare(k_good, gone, [](ShadowOptions& o) { o.runs = 1; });
    CHECK(
        half.check("shadow.footprint").detail == "1 turn on threads called oashadow_…; 1 removed"
    );
}

TEST_CASE("shadow: refused credentials are an error of their own, and are not tried for ever") {
    const auto got = compare(k_good, k_good, [](ShadowOptions& o) {
        o.reference->bearer = Secret("wrong-one");
        o.runs = 50;
    });
    CHECK(got.pairs.size() == 3);
    const Check& turn = got.check("shadow.turn.1");
    CHECK(turn.verdict == Verdict::error);
    CHECK(turn.data["outcome"] == "unauthorised");
}

TEST_CASE("shadow: the order is random and the same for the same seed") {
    const auto order = [](std::uint64_t seed) {
        const auto got = compare(k_good, k_good, [seed](ShadowOptions& o) {
            o.seed = seed;
            o.runs = 12;
        });
        std::string out;
        for (const Json& pair : got.pairs) {
            out += pair["first"] == "lane" ? 'L' : 'R';
        }
        return out;
    };
    const std::string first = order(7);
    CHECK(first.find('L') != std::string::npos);
    CHECK(first.find('R') != std::string::npos);
    CHECK(order(7) == first);
    CHECK(order(8) != first);
}

TEST_CASE("shadow: how much slower, and how sure") {
    const auto pairs = [](std::size_t n, double lane, double reference, double spread) {
        std::vector<TimedPair> out;
        for (std::size_t i = 0; i < n; ++i) {
            const double wave = spread * (static_cast<double>(i % 7) - 3) / 3;
            out.push_back({lane * (1 + wave), reference * (1 - wave)});
        }
        return out;
    };
    const ShadowLatency limits;
    const auto verdict = [&](const std::vector<TimedPair>& list) {
        return judge_slowdown("x", list, limits).verdict;
    };
    CHECK(verdict(pairs(30, 0.39, 0.30, 0.02)) == Verdict::fail);
    CHECK(verdict(pairs(30, 0.30, 0.30, 0.02)) == Verdict::pass);
    CHECK(verdict(pairs(30, 0.20, 0.30, 0.02)) == Verdict::pass); // faster is no fault
    CHECK(verdict(pairs(30, 0.004, 0.002, 0.02)) == Verdict::pass); // twice, and nobody notices
    CHECK(verdict(pairs(4, 0.39, 0.30, 0.02)) == Verdict::inconclusive);
    CHECK(judge_slowdown("x", pairs(2, 0.39, 0.30, 0.02), limits)
              .detail.contains("the median of 2 pairs; limit "));
    CHECK(judge_slowdown("x", pairs(30, 0.39, 0.30, 0.02), limits).detail.contains("% interval "));
    CHECK(verdict(pairs(30, 0.355, 0.30, 0.2)) == Verdict::inconclusive);
    CHECK(verdict({}) == Verdict::inconclusive);

    const auto p95 = [&](const std::vector<TimedPair>& list) {
        return judge_p95_delta("x", list, limits, 1).verdict;
    };
    CHECK(p95(pairs(60, 0.30, 0.30, 0.02)) == Verdict::pass);
    CHECK(p95(pairs(60, 0.80, 0.30, 0.02)) == Verdict::fail);
    CHECK(p95(pairs(58, 0.30, 0.30, 0.02)) == Verdict::inconclusive);
    CHECK(p95(pairs(60, 0.10, 0.90, 0.02)) == Verdict::pass);
    CHECK(p95({}) == Verdict::inconclusive);

    const auto said = judge_p95_delta("x", pairs(7, 0.29999, 0.30, 0), limits, 1);
    CHECK(said.detail.starts_with("p95 +0.0ms against the reference over 7 pairs"));
    CHECK(said.data["needs_n"] == 59);
    const auto nothing = judge_p95_delta("x", {}, limits, 1);
    CHECK(nothing.detail.contains("the first pair"));
    CHECK(nothing.data["needs_n"] == 59);
}

TEST_CASE("shadow: prompts come as lines or as JSON lines") {
    const auto got = parse_prompts("# a comment\nhello\n\n{\"prompt\":\"bad\",\"expect\":422}\r\n");
    REQUIRE(got);
    REQUIRE(got->size() == 2);
    CHECK(got->at(0).text == "hello");
    CHECK(got->at(0).expect == "completed");
    CHECK(got->at(1).expect == "422");
    for (const char* bad :
         {"",
          "# nothing",
          "{\"prompt\":1}",
          "{\"expect\":\"failed\"}",
          "{\"prompt\":\"a\"",
          "{\"prompt\":\"a\",\"expect\":\"good\"}",
          "{\"prompt\":\"a\",\"expect\":200}",
          R"({"prompt":"a","expects":422})",
          "\xff"}) {
        CAPTURE(bad);
        const auto refused = parse_prompts(bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code != Code::internal);
    }
}

TEST_CASE("shadow: asked often enough for a p95, however many prompts there are") {
    CHECK(default_runs(1) == 60);
    CHECK(default_runs(3) == 20);
    CHECK(default_runs(59) == 2);
    CHECK(default_runs(62) == 1);
    CHECK(default_runs(0) == 1);
}
