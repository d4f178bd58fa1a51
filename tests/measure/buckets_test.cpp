#include "oa_stream/measure/gate.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

/// `n` observations, `within` of them up to 1 s, the rest up to 2.5 s.
Tally tally(double within, double n) {
    return {
        .buckets = tidy(
            std::vector<Bucket>{{0.5, within / 2}, {1, within}, {2.5, n}, {5, n}, {k_infinite, n}}
        )
    };
}

Verdict p95(Against against, double limit, const Tally& canary, const Tally& stable = {}) {
    const GateSpec spec{
        .id = "p95", .metric = Metric::quantile, .against = against, .limit = limit
    };
    return evaluate(spec, {.canary_tally = &canary, .stable_tally = &stable}).verdict;
}

} // namespace

TEST_CASE("buckets: a rank lies between the edges of its bucket, fractions prove less") {
    const auto buckets = tidy(std::vector<Bucket>{{1, 9.5}, {2, 20}, {k_infinite, 25}});
    CHECK(resolution_of_rank(buckets, 9).up_to == 1);
    CHECK(resolution_of_rank(buckets, 10).up_to == 2);
    CHECK(resolution_of_rank(buckets, 10).above == 0);
    CHECK(resolution_of_rank(buckets, 11).above == 1);
    CHECK(resolution_of_rank(buckets, 21).up_to == k_infinite);
    CHECK(resolution_of_rank(buckets, 21).above == 2);
}

TEST_CASE("buckets decide a p95 limit on a bound, either way") {
    CHECK(p95(Against::limit, 1, tally(990, 1000)) == Verdict::pass);
    CHECK(p95(Against::limit, 1, tally(900, 1000)) == Verdict::fail);
    CHECK(p95(Against::limit, 1, tally(950, 1000)) == Verdict::inconclusive);
}

TEST_CASE("buckets do not decide a p95 limit inside the bucket that holds the p95") {
    const Tally slow = tally(900, 1000); // the p95 is somewhere in (1, 2.5]
    CHECK(p95(Against::limit, 2, slow) == Verdict::inconclusive);
    CHECK(p95(Against::limit, 2.5, slow) == Verdict::pass);
}

TEST_CASE("buckets versus stable: only disjoint bucket intervals decide") {
    const Tally fast{.buckets = tidy(std::vector<Bucket>{{0.5, 1000}, {k_infinite, 1000}})};
    const Tally slow{
        .buckets = tidy(std::vector<Bucket>{{0.5, 0}, {1, 0}, {2.5, 1000}, {k_infinite, 1000}})
    };
    CHECK(p95(Against::stable, 0.2, slow, fast) == Verdict::fail);
    CHECK(p95(Against::stable, 0.2, fast, fast) == Verdict::inconclusive);
    CHECK(p95(Against::stable, 0.2, fast, slow) == Verdict::pass);
}

TEST_CASE("buckets: no observations are no samples") {
    const Tally none{.buckets = tidy(std::vector<Bucket>{{1, 0}, {k_infinite, 0}})};
    CHECK(p95(Against::limit, 2.5, none) == Verdict::inconclusive);
}
