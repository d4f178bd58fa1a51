#include "oa_stream/probe/prober.hpp"
#include "oa_stream/probe/stall_meter.hpp"

#include "support/frames.hpp"
#include "support/raw_server.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <thread>

using namespace oa_stream;
using namespace oa_stream::probe;
using namespace oa_stream::probe::test;

namespace {

Script good(const RawRequest&) {
    return {Send{whole_stream(good_body())}};
}

ProberArm arm(std::string name, const RawServer& server, double per_second) {
    Target target;
    target.base_url = server.url();
    return {std::move(name), std::move(target), per_second};
}

struct Bench {
    LoopRig loop;
    std::unique_ptr<net::HttpClient> client = net::HttpClient::make(loop.executor());
    std::vector<ProberSample> samples;

    ProberOptions options(std::vector<ProberArm> arms) {
        ProberOptions out;
        out.arms = std::move(arms);
        out.on_sample = [this](const ProberSample& sample) { samples.push_back(sample); };
        return out;
    }
    std::unique_ptr<Prober> make(ProberOptions given) {
        auto prober = Prober::make(loop.executor(), *client, std::move(given));
        REQUIRE(prober.has_value());
        return std::move(*prober);
    }
    std::size_t of(std::string_view name) const {
        return static_cast<std::size_t>(std::ranges::count(samples, name, &ProberSample::arm));
    }
    /// Arrivals a second, however long the machine let them go on.
    double rate_of(std::string_view name) const {
        auto first = Clock::time_point::max();
        auto last = Clock::time_point::min();
        for (const ProberSample& sample : samples) {
            if (sample.arm == name) {
                first = std::min(first, sample.intended);
                last = std::max(last, sample.intended);
            }
        }
        return static_cast<double>(of(name) - 1) /
               std::chrono::duration<double>(last - first).count();
    }
};

Task<void> run_for(Prober* prober, Millis time, Millis drain) {
    prober->start();
    co_await sleep_for(time);
    co_await prober->drain(drain);
}

} // namespace

TEST_CASE("prober: each arm gets its own rate, and every arrival is delivered once") {
    Bench bench;
    RawServer stable(bench.loop.executor(), good);
    RawServer canary(bench.loop.executor(), good);
    RawServer paused(bench.loop.executor(), good);
    const auto prober = bench.make(bench.options(
        {arm("stable", stable, 40), arm("canary", canary, 20), arm("paused", paused, 0)}
    ));
    bench.loop.run(run_for(prober.get(), Millis(1000), Millis(3000)));
    REQUIRE(bench.of("stable") >= 38);
    REQUIRE(bench.of("canary") >= 18);
    CHECK(bench.rate_of("stable") == Approx(40).margin(0.1));
    CHECK(bench.rate_of("canary") == Approx(20).margin(0.1));
    CHECK(stable.requests().size() == bench.of("stable"));
    CHECK(canary.requests().size() == bench.of("canary"));
    CHECK(paused.requests().empty());
    CHECK(prober->counts("paused").arrived == 0);
    for (const std::string_view name : {"stable", "canary"}) {
        const ProberCounts counts = prober->counts(name);
        CHECK(counts.arrived == counts.delivered);
        CHECK(counts.sent == counts.delivered);
        CHECK(counts.in_flight == 0);
    }
    for (const ProberSample& sample : bench.samples) {
        CHECK(to_string(sample.sample.outcome) == "ok");
    }
}

namespace {

Task<void> stand_still(Prober* prober, Clock::time_point* over) {
    prober->start();
    co_await sleep_for(Millis(200));
    std::this_thread::sleep_for(Millis(300)); // nothing else of this loop runs meanwhile
    *over = Clock::now();
    co_await sleep_for(Millis(400));
    co_await prober->drain(Millis(3000));
}

} // namespace

TEST_CASE("prober: how long our own process stood still is said with each probe that it touched") {
    Bench bench;
    RawServer server(bench.loop.executor(), good);
    const auto prober = bench.make(bench.options({arm("a", server, 50)}));
    Clock::time_point over{};
    bench.loop.run(stand_still(prober.get(), &over));
    std::size_t touched = 0;
    std::size_t later = 0;
    for (const ProberSample& sample : bench.samples) {
        CHECK(sample.stalled_s <= sample.end_s().value_or(0) + 0.05);
        touched += sample.stalled_s > 0.1 && is_own(sample.stalled_s, *sample.end_s()) ? 1 : 0;
        if (sample.intended > over) { // a busy machine stands still for a moment as well
            CHECK(sample.stalled_s < 0.25);
            ++later;
        }
    }
    CHECK(touched >= 8); // due within the first 200 ms of the standstill
    CHECK(later >= 12);
}

TEST_CASE("prober: a server that takes its time is no standstill of ours") {
    Bench bench;
    RawServer server(bench.loop.executor(), [](const RawRequest&) { return Script{Hang{}}; });
    ProberOptions options = bench.options({arm("a", server, 50)});
    options.limits.first_byte = Millis(300);
    const StallMeter own(bench.loop.executor());
    const auto prober = bench.make(std::move(options));
    bench.loop.run(run_for(prober.get(), Millis(300), Millis(3000)));
    REQUIRE(bench.samples.size() >= 12);
    for (const ProberSample& sample : bench.samples) {
        CHECK(to_string(sample.sample.outcome) == "ttfb_timeout");
        const double end = sample.end_s().value_or(0.3);
        const auto until =
            sample.intended +
            std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(end));
        // A busy machine does stand still.
        const bool stood = own.stalled_s(sample.intended, until) * 4 >= end;
        CHECK((stood || !is_own(sample.stalled_s, end)));
    }
}

TEST_CASE("prober: arrivals are evenly spaced and two arms never fire together") {
    Bench bench;
    RawServer server(bench.loop.executor(), good);
    const auto prober = bench.make(bench.options({arm("a", server, 20), arm("b", server, 20)}));
    bench.loop.run(run_for(prober.get(), Millis(500), Millis(3000)));
    std::vector<Clock::time_point> times;
    for (const ProberSample& sample : bench.samples) {
        times.push_back(sample.intended);
    }
    std::ranges::sort(times);
    REQUIRE(times.size() >= 16);
    for (std::size_t i = 1; i < times.size(); ++i) {
        const double gap = std::chrono::duration<double>(times[i] - times[i - 1]).count();
        CHECK(gap == Approx(0.025).margin(0.001));
    }
}

TEST_CASE("prober: scattered arrivals come once in each interval, never at a constant pace") {
    const auto offsets = [](std::uint64_t seed) {
        Bench bench;
        RawServer server(bench.loop.executor(), good);
        ProberOptions options =
            bench.options({arm("steady", server, 40), arm("users", server, 40)});
        options.arms[1].scattered = true;
        options.seed = seed;
        const auto prober = bench.make(std::move(options));
        bench.loop.run(run_for(prober.get(), Millis(700), Millis(3000)));
        std::map<std::uint64_t, Clock::time_point> begun;
        std::map<std::uint64_t, double> into;
        for (const ProberSample& sample : bench.samples) {
            if (sample.arm == "steady") { // the first arm's arrivals begin the intervals
                begun[sample.index] = sample.intended;
            }
        }
        for (const ProberSample& sample : bench.samples) {
            if (sample.arm == "users" && begun.contains(sample.index)) {
                into[sample.index] =
                    std::chrono::duration<double>(sample.intended - begun[sample.index]).count();
            }
        }
        CHECK(into.size() + 1 >= begun.size()); // the last one may still have been due
        return into;
    };
    const auto first = offsets(1);
    REQUIRE(first.size() >= 20);
    double least = 1;
    double most = 0;
    for (const auto& [index, into] : first) {
        CHECK(into >= 0);
        CHECK(into < 0.0251);
        least = std::min(least, into);
        most = std::max(most, into);
    }
    CHECK(most - least > 0.01);
    CHECK(offsets(2).at(0) != Approx(first.at(0)));
}

TEST_CASE("prober: a stalled server does not slow arrivals, and waiting counts as latency") {
    Bench bench;
    RawServer server(bench.loop.executor(), [](const RawRequest&) {
        return Script{AfterGate{whole_stream(good_body())}};
    });
    ProberOptions options = bench.options({arm("only", server, 50)});
    options.max_in_flight = 2;
    const auto prober = bench.make(std::move(options));
    const auto scenario = [](Prober* p, RawServer* s) -> Task<void> {
        p->start();
        co_await sleep_for(Millis(1500));
        s->open_gate();
        co_await sleep_for(Millis(400));
        co_await p->drain(Millis(3000));
    };
    bench.loop.run(scenario(prober.get(), &server));
    CHECK(bench.samples.size() >= 90);
    CHECK(prober->counts("only").arrived == bench.samples.size());
    // About seventy-five arrivals fell into the stall; two were sent, the others waited in line.
    // From the sending alone 73 of them would look quick.
    const auto slow_to_send = std::ranges::count_if(bench.samples, [](const ProberSample& s) {
        return s.sample.clocks.first_content.value_or(0) > 0.75;
    });
    const auto slow_to_user = std::ranges::count_if(bench.samples, [](const ProberSample& s) {
        return s.first_content_s().value_or(0) > 0.75;
    });
    CHECK(slow_to_send <= 2);
    CHECK(slow_to_user >= 30);
    const auto worst = std::ranges::max(bench.samples, {}, [](const ProberSample& s) {
        return s.first_content_s().value_or(0);
    });
    CHECK(worst.first_content_s().value_or(0) >= 1.4);
}

TEST_CASE("prober: a line that is full gives arrivals up as too_slow, not sent") {
    Bench bench;
    RawServer server(bench.loop.executor(), [](const RawRequest&) { return Script{Hang{}}; });
    ProberOptions options = bench.options({arm("only", server, 100)});
    options.max_in_flight = 1;
    options.max_waiting = 3;
    options.limits.first_byte = Millis(20000);
    const auto prober = bench.make(std::move(options));
    bench.loop.run(run_for(prober.get(), Millis(300), Millis(100)));
    CHECK(server.requests().size() == 1);
    const auto unsent = std::ranges::count(bench.samples, false, &ProberSample::sent);
    CHECK(unsent + 1 == static_cast<std::ptrdiff_t>(bench.samples.size()));
    for (const ProberSample& sample : bench.samples) {
        CHECK(to_string(sample.sample.outcome) == (sample.sent ? "cancelled" : "too_slow"));
    }
    CHECK(prober->counts("only").arrived == bench.samples.size());
}

TEST_CASE("prober: after drain nothing is in flight and what was cut counts as nothing") {
    Bench bench;
    RawServer server(bench.loop.executor(), [](const RawRequest&) {
        return Script{
            Send{stream_head({"x-oa-thread-id:"}) + chunk(k_opening + delta("a"))}, Hang{}
        };
    });
    const auto prober = bench.make(bench.options({arm("only", server, 20)}));
    bench.loop.run(run_for(prober.get(), Millis(200), Millis(50)));
    CHECK(prober->counts("only").in_flight == 0);
    CHECK_FALSE(bench.samples.empty());
    for (const ProberSample& sample : bench.samples) {
        CHECK(to_string(sample.sample.outcome) == "cancelled");
        CHECK_FALSE(sample.sample.bad());
    }
}

TEST_CASE("prober: destroyed while running, it delivers nothing more") {
    Bench bench;
    RawServer server(bench.loop.executor(), [](const RawRequest&) { return Script{Hang{}}; });
    auto prober = bench.make(bench.options({arm("only", server, 50)}));
    const auto scenario = [](std::unique_ptr<Prober>* p) -> Task<void> {
        (*p)->start();
        co_await sleep_for(Millis(100));
        p->reset();
        co_await sleep_for(Millis(100));
    };
    bench.loop.run(scenario(&prober));
    CHECK(bench.samples.empty());
}

TEST_CASE("prober: arms must exist, be named apart, and have a rate within 0-1000") {
    Bench bench;
    const RawServer server(bench.loop.executor(), good);
    const auto code = [&](std::vector<ProberArm> arms) {
        return Prober::make(bench.loop.executor(), *bench.client, bench.options(std::move(arms)))
            .error()
            .code;
    };
    CHECK(code({}) == Code::usage);
    CHECK(code({arm("a", server, 1), arm("a", server, 1)}) == Code::usage);
    CHECK(code({arm("a", server, -1)}) == Code::usage);
    CHECK(code({arm("a", server, 1001)}) == Code::usage);
    CHECK(code({arm("a", server, std::nan(""))}) == Code::usage);
}

TEST_CASE("prober: the default request asks for a fresh, recognisable thread each time") {
    const ProbeRequest first = default_probe_request();
    const ProbeRequest second = default_probe_request();
    CHECK(first.path == "/api/chat/stream");
    CHECK(first.body.find("\"id\":\"oaprobe_") != std::string::npos);
    CHECK(first.body != second.body);
    // A playbook that names no prompt gets that one, too: a request without a text is a 422.
    CHECK(default_probe_request("").body.find("single word: pong") != std::string::npos);
}
