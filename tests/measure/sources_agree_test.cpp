// One set of requests, told in every form a source may tell it: docs/measurement-error.md states
// how far the forms may differ, and this holds them to it.
#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/histogram.hpp"
#include "oa_stream/measure/quantile.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include "access_log/rig.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <random>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

constexpr auto k_bounds = telemetry::k_first_content_bounds;

struct Population {
    double median_s;
    double sigma;
    double bad_rate;
    int requests;
};
constexpr std::array k_populations{
    Population{0.08, 0.5, 0.001, 700},
    Population{0.4, 1.0, 0.02, 300},
    Population{2.0, 1.0, 0.3, 1000},
    Population{0.0005, 1.0, 0.01, 200},
    Population{20, 0.5, 0.0, 60},
    Population{0.1, 0.0, 0.5, 500},
};

std::vector<Sample> draw(const Population& population, unsigned seed) {
    std::mt19937_64 random(seed);
    std::lognormal_distribution<double> time(std::log(population.median_s), population.sigma);
    std::bernoulli_distribution bad(population.bad_rate);
    std::vector<Sample> out;
    for (int i = 0; i < population.requests; ++i) {
        Sample sample;
        sample.arm = "canary";
        sample.bad = bad(random);
        if (!sample.bad) {
            // As the lane writes times: whole microseconds.
            sample.first_content_s = std::round(time(random) * 1e6) / 1e6;
        }
        out.push_back(std::move(sample));
    }
    return out;
}

/// The form of Prometheus: cumulative counts at the lane's bounds.
Tally bucketed(const Tally& exact) {
    Tally out{.requests = exact.requests};
    for (const double bound : k_bounds) {
        const auto within = std::ranges::upper_bound(exact.first_content_s, bound);
        out.buckets.push_back({bound, static_cast<double>(within - exact.first_content_s.begin())});
    }
    out.buckets.push_back(
        {std::numeric_limits<double>::infinity(), static_cast<double>(exact.first_content_s.size())}
    );
    return out;
}

LogLinearHistogram histogram_of(const Tally& exact) {
    LogLinearHistogram out;
    for (const double seconds : exact.first_content_s) {
        out.record(static_cast<std::uint64_t>(std::llround(seconds * 1e6)));
    }
    return out;
}

Tally added_up(const Tally& exact) {
    return {.requests = exact.requests, .buckets = histogram_of(exact).cumulative(1e-6)};
}

Resolution p95_of(const Tally& tally) {
    return resolution_of_rank(
        tally.buckets, static_cast<double>(nearest_rank(tally.timed(), k_p95))
    );
}

Verdict judged(const Tally& tally, double limit_s) {
    GateSpec spec{.id = "p95", .metric = Metric::quantile, .limit = limit_s};
    return evaluate(spec, {.canary_tally = &tally}).verdict;
}

bool contradict(Verdict a, Verdict b) {
    return (a == Verdict::pass && b == Verdict::fail) || (a == Verdict::fail && b == Verdict::pass);
}

std::string log_of(const std::vector<Sample>& samples) {
    std::string out;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        const auto& time = samples[i].first_content_s;
        out +=
            test::LogLine{
                .began_s = static_cast<double>(i),
                .end_ms = 0,
                .terminal = samples[i].bad ? "codex_error" : "completed",
                .first_content_ms = time ? std::optional(*time * 1e3) : std::nullopt,
            }
                .text();
    }
    return out;
}

} // namespace

TEST_CASE("forms of one truth: buckets hold the p95 that the samples have") {
    for (const Population& population : k_populations) {
        for (unsigned seed = 1; seed <= 20; ++seed) {
            CAPTURE(population.median_s, population.sigma, seed);
            const Tally exact = tally_of(draw(population, seed));
            const double p95 = quantile_sorted(exact.first_content_s, k_p95);
            const Tally scraped = bucketed(exact);
            const Tally kept = added_up(exact);
            REQUIRE(scraped.timed() == exact.timed());
            REQUIRE(kept.timed() == exact.timed());
            for (const Tally* form : {&scraped, &kept}) {
                const Resolution edges = p95_of(*form);
                CHECK(edges.above < p95);
                CHECK(p95 <= edges.up_to * (1 + 1e-12));
            }
            // 1/64 of the value is a whole bucket, 1/128 the middle's distance from its edges; a
            // microsecond is the least that is told apart.
            const Resolution fine = p95_of(kept);
            CHECK(fine.up_to - fine.above <= p95 / 64 + 1.001e-6);
            const double middle = histogram_of(exact).percentile(k_p95).value() * 1e-6;
            CHECK(std::abs(middle - p95) <= p95 / 128 + 1e-9);
        }
    }
}

TEST_CASE("forms of one truth: no two of them decide a limit in opposite ways") {
    int decided = 0;
    for (const Population& population : k_populations) {
        for (unsigned seed = 1; seed <= 5; ++seed) {
            const Tally exact = tally_of(draw(population, seed));
            const double p95 = quantile_sorted(exact.first_content_s, k_p95);
            for (const double factor : {0.3, 0.8, 0.99, 1.0, 1.01, 1.2, 3.0}) {
                CAPTURE(population.median_s, population.sigma, seed, factor);
                const Verdict by_samples = judged(exact, p95 * factor);
                const Verdict by_buckets = judged(bucketed(exact), p95 * factor);
                const Verdict by_histogram = judged(added_up(exact), p95 * factor);
                CHECK_FALSE(contradict(by_samples, by_buckets));
                CHECK_FALSE(contradict(by_samples, by_histogram));
                // The coarser form never decides what the finer one leaves open.
                CHECK((by_samples != Verdict::inconclusive || by_buckets == by_samples));
                CHECK((by_samples != Verdict::inconclusive || by_histogram == by_samples));
                decided += by_histogram != Verdict::inconclusive ? 1 : 0;
            }
        }
    }
    CHECK(decided > 100);
}

TEST_CASE("forms of one truth: an access log tells what the samples tell, added up or not") {
    for (const Population& population : k_populations) {
        CAPTURE(population.median_s, population.sigma);
        const auto samples = draw(population, 7);
        const Tally exact = tally_of(samples);
        const double end_s = static_cast<double>(samples.size());
        test::LogRig rig;
        rig.now_s = end_s;
        rig.append(log_of(samples));
        const SourceReading whole = rig.ask(-1, end_s);
        CHECK(whole.tally.requests == exact.requests);
        REQUIRE(whole.tally.first_content_s.size() == exact.first_content_s.size());
        for (std::size_t i = 0; i < exact.first_content_s.size(); ++i) {
            CHECK(std::abs(whole.tally.first_content_s[i] - exact.first_content_s[i]) < 1e-9);
        }

        AccessLogOptions options;
        options.requests_kept = 100;
        test::LogRig small(std::move(options));
        small.now_s = end_s;
        small.append(log_of(samples));
        const SourceReading kept = small.ask(-1, end_s);
        CHECK(kept.tally.requests == exact.requests);
        CHECK(kept.count_error == 0);
        CHECK(kept.edge_error == 0);
        CHECK(kept.tally.timed() == exact.timed());
    }
}
