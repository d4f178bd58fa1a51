#include "oa_stream/probe/load.hpp"

#include "support/frames.hpp"
#include "support/raw_server.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <set>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

namespace {

Script good(const RawRequest&) {
    return {Send{whole_stream(good_body())}};
}

constexpr std::size_t k_content = 4; // its place in k_load_clocks

struct Rig {
    LoopRig loop;
    std::unique_ptr<net::HttpClient> client = net::HttpClient::make(loop.executor());
    std::vector<LoadRequest> requests;
    std::vector<LoadSecond> by_second;
    std::unique_ptr<Load> load;

    static LoadOptions options(const RawServer& server) {
        LoadOptions out;
        out.target.base_url = server.url();
        out.per_second = 100;
        out.duration = Millis(500);
        out.drain = Millis(3000);
        return out;
    }
    const LoadTotals& run(LoadOptions given) {
        auto made = Load::make(
            loop.executor(),
            *client,
            std::move(given),
            {
                .on_request = [this](const LoadRequest& one) { requests.push_back(one); },
                .on_second = [this](const LoadSecond& one) { by_second.push_back(one); },
            }
        );
        REQUIRE(made.has_value());
        load = *std::move(made);
        loop.run(load->run());
        return load->totals();
    }
};

LoadRequest answered(double late, double first_content, Outcome outcome = Outcome::ok) {
    LoadRequest out;
    out.late_s = late;
    out.sample.outcome = outcome;
    out.sample.clocks.first_content = first_content;
    out.sample.clocks.end = first_content;
    return out;
}

LoadTotals totals_of(std::uint64_t good, std::uint64_t bad) {
    LoadTotals out;
    for (std::uint64_t i = 0; i < good + bad; ++i) {
        out.add(answered(0, 0.1, i < good ? Outcome::ok : Outcome::truncated));
    }
    return out;
}

} // namespace

TEST_CASE("load plan: arrivals are even at the full rate and rise evenly before it") {
    const ArrivalPlan even{.per_second = 500, .ramp_s = 0, .duration_s = 10};
    CHECK(even.total() == 5000);
    CHECK(even.at(0) == Approx(0));
    CHECK(even.at(4999) == Approx(9.998));
    const ArrivalPlan ramped{.per_second = 100, .ramp_s = 4, .duration_s = 2};
    CHECK(ramped.total() == 400); // half of the ramp's 400, and 200
    CHECK(ramped.at(50) == Approx(2)); // a quarter of the ramp's requests by half of its time
    CHECK(ramped.at(200) == Approx(4));
    CHECK(ramped.at(300) == Approx(5));
    for (std::uint64_t i = 1; i < ramped.total(); ++i) {
        CHECK(ramped.at(i) > ramped.at(i - 1));
    }
}

TEST_CASE("load times: what never came is slower than everything, and shifts each percentile") {
    Times times;
    CHECK_FALSE(times.percentile({1, 2}).has_value());
    for (int i = 1; i <= 90; ++i) {
        times.record(i / 100.0);
    }
    for (int i = 0; i < 10; ++i) {
        times.record_infinite();
    }
    CHECK(*times.percentile({50, 100}) == Approx(0.5).epsilon(0.001));
    CHECK(*times.percentile({90, 100}) == Approx(0.9).epsilon(0.001));
    CHECK(std::isinf(*times.percentile({91, 100})));
    CHECK(times.to_json()["p99"] == "inf");
    CHECK(times.relative_error() <= 0.001);
}

TEST_CASE("load totals: times run from the planned sending, dropped starts are infinitely slow") {
    LoadTotals totals;
    totals.add(answered(2.0, 0.1));
    LoadRequest dropped;
    dropped.dropped = true;
    totals.add(dropped);
    CHECK(totals.from_plan[k_content].at_rank(1) == Approx(2.1).epsilon(0.001));
    CHECK(totals.from_send[k_content].at_rank(1) == Approx(0.1).epsilon(0.001));
    CHECK(totals.from_plan[k_content].infinite() == 1);
    CHECK(totals.from_send[k_content].n() == 1);
    CHECK(totals.late == 1);
    CHECK(totals.dropped == 1);
    CHECK(totals.judged.bad == 1);
    CHECK(totals.outcomes.at("dropped") == 1);
}

TEST_CASE("load totals: the ramp, slow readers and readers that left spoil no percentile") {
    LoadTotals totals;
    LoadRequest ramp = answered(0, 9);
    ramp.measured = false;
    totals.add(ramp);
    LoadRequest slow = answered(0, 9);
    slow.reader = Reader::slow;
    totals.add(slow);
    LoadRequest left = answered(0, 0.2, Outcome::cancelled);
    left.reader = Reader::leaving;
    totals.add(left);
    CHECK(totals.from_plan[k_content].n() == 1); // the one that left did see its first content
    CHECK(totals.from_plan[k_content + 1].n() == 0);
    CHECK(totals.outcomes.at("left") == 1);
    CHECK(totals.judged.bad == 0);
    CHECK(totals.planned == 3);
    CHECK(totals.measured == 2);
}

TEST_CASE("load totals: unfinished is infinitely slow only when the run waited for it") {
    LoadTotals totals;
    LoadRequest cut;
    cut.unfinished = true;
    cut.sample.outcome = Outcome::cancelled;
    totals.add(cut);
    CHECK(totals.from_plan[k_content].n() == 0);
    cut.waited_out = true;
    totals.add(cut);
    CHECK(totals.from_plan[k_content].infinite() == 1);
    CHECK(totals.judged.bad == 0);
    CHECK(totals.judged.n == 0);
    CHECK(totals.waited_out == 1);
}

TEST_CASE("load limit: nothing passes that requests without an end could break") {
    const auto judged = [](LoadTotals totals, int waited_out, std::string_view limit) {
        LoadRequest cut;
        cut.unfinished = cut.waited_out = true;
        for (int i = 0; i < waited_out; ++i) {
            totals.add(cut);
        }
        return judge_limit(*parse_load_limit(limit), totals, 0.95);
    };
    const Check bad = judged(totals_of(400, 0), 100, "bad <= 1%");
    CHECK(bad.verdict == Verdict::inconclusive);
    CHECK(bad.data["n"] == 400);
    CHECK(bad.detail.ends_with(
        "not decided against the limit of 1%: 100 more had not ended when the load stopped "
        "waiting, and could break it: wait longer"
    ));
    CHECK(judged(totals_of(400, 0), 100, "truncated <= 1%").verdict == Verdict::inconclusive);
    CHECK(judged(totals_of(400, 0), 100, "late <= 1%").verdict == Verdict::pass);
    CHECK(judged(totals_of(2000, 0), 1, "bad <= 1%").verdict == Verdict::pass);
    CHECK(judged(totals_of(950, 50), 100, "bad <= 1%").verdict == Verdict::fail);
}

TEST_CASE("load totals: a silence that a limit ended is an infinite gap, as in a gate") {
    LoadTotals totals;
    totals.add(answered(0, 0.1, Outcome::truncated));
    CHECK(totals.gaps.n() == 0);
    LoadRequest stalled = answered(0, 0.1, Outcome::stalled);
    totals.add(stalled);
    CHECK(totals.gaps.infinite() == 1);
    stalled.sample.clocks.first_content.reset(); // a first content that never came
    totals.add(stalled);
    CHECK(totals.gaps.n() == 1);
}

TEST_CASE("load limit: reads percentiles and shares, and refuses what decides nothing") {
    const auto p99 = parse_load_limit("p99 first_content <= 2s");
    REQUIRE(p99.has_value());
    CHECK(p99->id == "limit.p99-first_content");
    CHECK(p99->quantile == measure::Fraction{99, 100});
    CHECK(p99->limit == 2.0);
    const auto tight = parse_load_limit("p99.9-gap<=500ms");
    REQUIRE(tight.has_value());
    CHECK(tight->quantile == measure::Fraction{999, 1000});
    CHECK(tight->limit == 0.5);
    const auto as_in_a_gate = parse_load_limit("p99: chunk_gap <= 500ms");
    REQUIRE(as_in_a_gate.has_value());
    CHECK(as_in_a_gate->id == "limit.p99-gap");
    CHECK(as_in_a_gate->what == "gap");
    const auto whole = parse_load_limit("p95: duration <= 2s");
    REQUIRE(whole.has_value());
    CHECK(whole->id == "limit.p95-end");
    const auto bad = parse_load_limit("bad<=1%");
    REQUIRE(bad.has_value());
    CHECK(bad->limit == 0.01);
    CHECK(parse_load_limit("truncated <= 0.5%").has_value());
    for (const char* text :
         {"",
          "bad",
          "bad < 1%",
          "bad <= 1",
          "bad <= 2s",
          "bad: http_5xx <= 1%",
          "bad <= +1pp",
          "bad <= 1% versus stable",
          "bad <= 0%",
          "bad <= 100%",
          "good <= 1%",
          "p99 first_content <= 2",
          "p99 first_content <= 0s",
          "p99 first_content <= 2%",
          "p0 end <= 1s",
          "p100 end <= 1s",
          "p99 first_token <= 1s",
          "p99 first_content <= 2s 3s",
          "cancelled <= 1%"}) {
        CAPTURE(text);
        const auto limit = parse_load_limit(text);
        REQUIRE_FALSE(limit.has_value());
        CHECK(limit.error().code == Code::usage);
    }
}

TEST_CASE("load limit: decides by the confidence bound, not by the value alone") {
    const LoadLimit bad = *parse_load_limit("bad <= 1%");
    CHECK(judge_limit(bad, totals_of(299, 0), 0.95).verdict == Verdict::pass);
    CHECK(judge_limit(bad, totals_of(298, 0), 0.95).verdict == Verdict::inconclusive);
    CHECK(judge_limit(bad, totals_of(950, 50), 0.95).verdict == Verdict::fail);
    CHECK(judge_limit(bad, totals_of(980, 12), 0.95).verdict == Verdict::inconclusive);
    CHECK(judge_limit(bad, LoadTotals{}, 0.95).verdict == Verdict::inconclusive);
    const LoadLimit p95 = *parse_load_limit("p95 first_content <= 200ms");
    CHECK(judge_limit(p95, totals_of(59, 0), 0.95).verdict == Verdict::pass);
    const Check few = judge_limit(p95, totals_of(58, 0), 0.95);
    CHECK(few.verdict == Verdict::inconclusive);
    CHECK(few.detail.find("needs n ≥ 59") != std::string::npos);
    const LoadLimit tight = *parse_load_limit("p95 first_content <= 50ms");
    CHECK(judge_limit(tight, totals_of(59, 0), 0.95).verdict == Verdict::fail);
}

TEST_CASE("load limit: a failure that may be our own delay is not the target's") {
    const LoadLimit p95 = *parse_load_limit("p95 first_content <= 200ms");
    const auto totals = [](double late_s, double first_content_s) {
        LoadTotals out;
        for (int i = 0; i < 200; ++i) {
            out.add(answered(i % 2 == 0 ? late_s : 0, first_content_s));
        }
        return out;
    };
    const Check starved = judge_limit(p95, totals(0.9, 0.1), 0.95);
    CHECK(starved.verdict == Verdict::inconclusive);
    CHECK(starved.detail.contains("load itself sent 100 of 200 requests late"));
    CHECK(judge_limit(p95, totals(0.005, 0.3), 0.95).verdict == Verdict::fail); // in time
    CHECK(judge_limit(p95, totals(0.9, 1.5), 0.95).verdict == Verdict::fail);   // slow anyway
}

TEST_CASE("load totals: a request is late when it was sent more than 10 ms after its time") {
    LoadTotals totals;
    totals.add(answered(k_late_s, 0.1));
    CHECK(totals.late == 0);
    CHECK(totals.measured_late == 0);
    totals.add(answered(0.011, 0.1));
    CHECK(totals.late == 1);
    CHECK(totals.measured_late == 1);
}

TEST_CASE("load totals: a turn that the lane's own limit ended without content came never") {
    LoadTotals totals;
    LoadRequest request = answered(0, 0, Outcome::in_stream_error);
    request.sample.clocks.first_content.reset();
    request.sample.error_code = "authority_timeout";
    totals.add(request);
    CHECK(totals.from_plan[k_content].infinite() == 1);
    request.sample.error_code = "turn_failed";
    totals.add(request);
    CHECK(totals.from_plan[k_content].n() == 1);
}

TEST_CASE("load limit: who left on purpose is neither good nor bad") {
    const auto leaving = [](Outcome outcome) {
        LoadRequest out = answered(0, 0.1, outcome);
        out.reader = Reader::leaving;
        return out;
    };
    const LoadLimit bad = *parse_load_limit("bad <= 3%");
    const LoadLimit truncated = *parse_load_limit("truncated <= 3%");
    for (const LoadLimit& limit : {bad, truncated}) {
        DYNAMIC_SECTION(limit.text) {
            LoadTotals totals = totals_of(68, 3);
            for (int i = 0; i < 329; ++i) {
                totals.add(leaving(Outcome::cancelled));
            }
            const Check check = judge_limit(limit, totals, 0.95);
            CHECK(check.verdict == Verdict::inconclusive); // 3 of 71, not of 400
            CHECK(check.data["n"] == 71);
            CHECK(check.data["bad"] == 3);
        }
    }
    SECTION("nobody stayed: nothing is decided") {
        LoadTotals totals;
        for (int i = 0; i < 400; ++i) {
            totals.add(leaving(Outcome::cancelled));
        }
        for (const LoadLimit& limit : {bad, truncated}) {
            const Check check = judge_limit(limit, totals, 0.95);
            CHECK(check.verdict == Verdict::inconclusive);
            CHECK(
                check.detail.find("none of 400 measured requests can be judged") !=
                std::string::npos
            );
        }
    }
    SECTION("leaving readers that failed before are no fair sample of all") {
        LoadTotals totals = totals_of(1000, 0);
        for (int i = 0; i < 4000; ++i) {
            totals.add(leaving(i < 40 ? Outcome::truncated : Outcome::cancelled));
        }
        CHECK(judge_limit(bad, totals, 0.95).verdict == Verdict::pass);
    }
    SECTION("but what they prove by themselves breaks the limit") {
        LoadTotals totals = totals_of(10, 0);
        for (int i = 0; i < 400; ++i) {
            totals.add(leaving(i < 40 ? Outcome::truncated : Outcome::cancelled));
        }
        CHECK(judge_limit(bad, totals, 0.95).verdict == Verdict::fail);
        CHECK(judge_limit(truncated, totals, 0.95).verdict == Verdict::fail);
    }
}

TEST_CASE("load limit: what never ended dilutes no share of endings") {
    LoadTotals totals = totals_of(95, 5);
    for (int i = 0; i < 400; ++i) {
        LoadRequest never;
        never.dropped = i % 2 == 0;
        never.unfinished = !never.dropped;
        never.sample.outcome = Outcome::cancelled;
        totals.add(never);
    }
    const Check check = judge_limit(*parse_load_limit("truncated <= 3%"), totals, 0.95);
    CHECK(check.data["n"] == 100);
    CHECK(check.verdict != Verdict::pass);
}

TEST_CASE("load limit: the ramp enters no share of late starts") {
    LoadTotals totals = totals_of(0, 0);
    for (int i = 0; i < 80; ++i) {
        LoadRequest one = answered(i < 40 ? 0 : 0.02, 0.1);
        one.measured = i >= 40;
        totals.add(one);
    }
    const Check check = judge_limit(*parse_load_limit("late <= 60%"), totals, 0.95);
    CHECK(check.verdict == Verdict::fail);
    CHECK(check.data["n"] == 40);
    CHECK(check.data["bad"] == 40);
}

TEST_CASE("load limit: within the histogram's own error nothing is decided") {
    const LoadLimit at = *parse_load_limit("p50 first_content <= 100ms");
    CHECK(judge_limit(at, totals_of(1000, 0), 0.95).verdict == Verdict::inconclusive);
}

TEST_CASE("load: keeps the rate, tells every request once, and adds up") {
    Rig rig;
    RawServer server(rig.loop.executor(), good);
    const LoadTotals& totals = rig.run(Rig::options(server));
    CHECK(totals.planned == 50);
    CHECK(totals.sent == 50);
    CHECK(server.requests().size() == 50);
    CHECK(totals.outcomes.at("ok") == 50);
    CHECK(totals.achieved_per_second() == Approx(100).epsilon(0.05));
    CHECK(totals.from_plan[k_content].n() == 50);
    std::set<std::uint64_t> indexes;
    for (const LoadRequest& one : rig.requests) {
        indexes.insert(one.index);
    }
    CHECK(indexes.size() == 50);
    std::uint64_t sent = 0;
    std::uint64_t ended = 0;
    for (const LoadSecond& one : rig.by_second) {
        sent += one.sent;
        ended += one.ended;
    }
    CHECK(sent == 50);
    CHECK(ended == 50);
}

TEST_CASE("load: a part of a request more than the time has is no higher rate") {
    Rig rig;
    RawServer server(rig.loop.executor(), good);
    LoadOptions options = Rig::options(server);
    options.per_second = 20;
    options.ramp = Millis(GENERATE(0, 150)); // 1.5 requests
    options.duration = Millis(130); // 2.6 requests
    const LoadTotals& totals = rig.run(std::move(options));
    CHECK(totals.sent == totals.planned);
    CHECK(totals.measured == 3);
    CHECK(totals.achieved_per_second() == Approx(20).epsilon(0.05));
}

TEST_CASE("load: what exceeds the room in flight is dropped and told, never waits in silence") {
    Rig rig;
    RawServer server(rig.loop.executor(), [](const RawRequest&) { return Script{Hang{}}; });
    LoadOptions options = Rig::options(server);
    options.max_in_flight = 4;
    options.drain = Millis(50);
    options.stop_at_bad = 0;
    const LoadTotals& totals = rig.run(std::move(options));
    CHECK(totals.planned == 50);
    CHECK(totals.sent == 4);
    CHECK(totals.dropped == 46);
    CHECK(totals.unfinished == 4);
    CHECK(totals.waited_out == 4);
    CHECK(totals.from_plan[k_content].infinite() == 50);
    std::uint64_t in_vain = 0;
    for (const LoadSecond& one : rig.by_second) {
        in_vain += one.first_content.infinite();
    }
    CHECK(in_vain == 50);
    CHECK(server.requests().size() == 4);
}

TEST_CASE("load: slow and leaving readers get their share, decided by the seed alone") {
    Rig rig;
    RawServer server(rig.loop.executor(), good);
    LoadOptions options = Rig::options(server);
    options.per_second = 400;
    options.slow_share = 0.25;
    options.leaving_share = 0.25;
    options.read_pause = Millis(20);
    const LoadTotals& totals = rig.run(options);
    CHECK(totals.slow > 25);
    CHECK(totals.slow < 75);
    CHECK(totals.left > 25);
    CHECK(totals.left < 75);
    CHECK(totals.outcomes.at("left") == totals.left);
    CHECK(totals.judged.bad == 0);
    for (const LoadRequest& one : rig.requests) {
        if (one.reader == Reader::slow) {
            CHECK(one.sample.clocks.first_content.value_or(0) >= 0.02);
        }
    }
    Rig again;
    RawServer other(again.loop.executor(), good);
    options.target.base_url = other.url();
    CHECK(again.run(options).slow == totals.slow);
}

TEST_CASE("load: a number of users is never exceeded, and each sends its next") {
    int open = 0;
    int most = 0;
    Rig rig;
    RawServer server(rig.loop.executor(), [&](const RawRequest& request) {
        Script out = good(request);
        if (request.method == "POST") {
            most = std::max(most, ++open);
            const auto over = [&open] {
                --open;
                return std::string();
            };
            out.insert(out.begin(), {Wait{Millis(20)}, Later{over}});
        }
        return out;
    });
    LoadOptions options = Rig::options(server);
    options.per_second = 0;
    options.concurrency = 3;
    options.requests = 30;
    options.duration = Millis(20000);
    const LoadTotals& totals = rig.run(std::move(options));
    CHECK(totals.sent == 30);
    CHECK(totals.outcomes.at("ok") == 30);
    CHECK(totals.seconds < 15);
    CHECK(most == 3);
    for (const LoadSecond& one : rig.by_second) {
        CHECK(one.in_flight <= 3);
    }
}

TEST_CASE("load: a target that only fails ends the run before its time") {
    Rig rig;
    RawServer server(rig.loop.executor(), [](const RawRequest&) {
        return Script{Send{"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"}};
    });
    LoadOptions options = Rig::options(server);
    options.duration = Millis(20000);
    const LoadTotals& totals = rig.run(std::move(options));
    CHECK(totals.stopped.find("were bad") != std::string::npos);
    CHECK(totals.planned < 1000);
    CHECK(totals.example.find("500") != std::string::npos);
}

TEST_CASE("load: readers that leave neither keep a bad target under load nor break off a good one"
) {
    const auto truncated = [](const RawRequest&) {
        return Script{Send{stream_head({"x-oa-thread-id:"}) + chunk(k_opening + delta("pong"))}};
    };
    const auto stopped = [](double leaving, const auto& answer) {
        Rig rig;
        RawServer server(rig.loop.executor(), answer);
        LoadOptions options = Rig::options(server);
        options.leaving_share = leaving;
        options.duration = Millis(3000);
        options.drain = Millis(500);
        return rig.run(std::move(options)).stopped;
    };
    // Seven of ten leave at the first content and see nothing of the end, which is bad for all.
    CHECK(stopped(0.7, truncated).contains("were bad"));
    CHECK(stopped(1, truncated).empty());
    CHECK(stopped(0.7, good).empty());
    // Those who never got as far as to leave are as bad as the others.
    CHECK(stopped(1, [](const RawRequest&) {
              return Script{Send{"HTTP/1.1 500 Oh\r\ncontent-length: 0\r\n\r\n"}};
          }).contains("were bad"));
}

TEST_CASE("load: an answer of another user's conversation breaks the contract") {
    Rig rig;
    RawServer server(rig.loop.executor(), [](const RawRequest&) {
        return Script{Send{whole_stream(good_body(), {"x-oa-thread-id: somebody's"})}};
    });
    LoadOptions options = Rig::options(server);
    options.requests = 5;
    const LoadTotals& totals = rig.run(std::move(options));
    CHECK(totals.ended == 5);
    CHECK(totals.broken == 5);
    CHECK(totals.judged.bad == 5);
    CHECK(totals.example.contains("names the conversation somebody's, asked was oaload"));
}

TEST_CASE("load: stopped by hand it ends at once with what it has") {
    Rig rig;
    RawServer server(rig.loop.executor(), [](const RawRequest&) {
        return Script{
            Send{stream_head({"x-oa-thread-id:"}) + chunk(k_opening + delta("a"))}, Hang{}
        };
    });
    LoadOptions options = Rig::options(server);
    options.duration = Millis(20000);
    auto load = Load::make(rig.loop.executor(), *rig.client, std::move(options), {});
    REQUIRE(load.has_value());
    const auto scenario = [](Load* one, asio::any_io_executor executor) -> Task<void> {
        const auto halt = [](Load* it) -> Task<void> {
            co_await sleep_for(Millis(200));
            it->stop("interrupted");
        };
        spawn(executor, "test", halt(one));
        co_await one->run();
    };
    const auto began = Clock::now();
    rig.loop.run(scenario(load->get(), rig.loop.executor()));
    CHECK(Clock::now() - began < Millis(10000));
    const LoadTotals& totals = (*load)->totals();
    CHECK(totals.stopped == "interrupted");
    CHECK(totals.unfinished == totals.sent);
    CHECK(totals.waited_out == 0);
    CHECK(totals.sent > 5);
    CHECK(totals.judged.bad == 0);
}

TEST_CASE("load: needs either a rate or users, and shares that fit together") {
    Rig rig;
    const auto code = [&](LoadOptions options) {
        options.target.base_url = "http://127.0.0.1:1";
        return Load::make(rig.loop.executor(), *rig.client, std::move(options), {}).error().code;
    };
    CHECK(code({}) == Code::usage);
    LoadOptions both;
    both.per_second = 1;
    both.concurrency = 1;
    CHECK(code(both) == Code::usage);
    LoadOptions shares;
    shares.per_second = 1;
    shares.slow_share = 0.6;
    shares.leaving_share = 0.6;
    CHECK(code(shares) == Code::usage);
}
