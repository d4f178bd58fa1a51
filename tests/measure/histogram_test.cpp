#include "oa_stream/measure/histogram.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <random>

using namespace oa_stream::measure;

namespace {

/// Values over all magnitudes, the edges of octaves among them.
std::vector<std::uint64_t> values(unsigned seed, std::size_t n) {
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> out;
    for (std::size_t i = 0; i < n; ++i) {
        const std::uint64_t value = random() >> (random() % 64);
        const std::uint64_t edge = (std::uint64_t{1} << (random() % 62)) + random() % 3 - 1;
        out.push_back(random() % 4 == 0 ? edge : value);
    }
    return out;
}

LogLinearHistogram of(const std::vector<std::uint64_t>& all, unsigned precision) {
    LogLinearHistogram out(precision);
    for (const std::uint64_t value : all) {
        out.record(value);
    }
    return out;
}

constexpr std::array k_asked{
    Fraction{0, 1},
    Fraction{1, 100},
    Fraction{1, 2},
    Fraction{9, 10},
    Fraction{95, 100},
    Fraction{999, 1000},
    Fraction{1, 1},
};

} // namespace

TEST_CASE("histogram: every percentile is within the stated error of the true one") {
    for (unsigned seed = 1; seed <= 40; ++seed) {
        const unsigned precision = seed % (LogLinearHistogram::k_max_precision + 1);
        auto all = values(seed, 1 + seed * 13);
        const auto histogram = of(all, precision);
        std::ranges::sort(all);
        CAPTURE(seed, precision);
        CHECK(histogram.min() == all.front());
        CHECK(histogram.max() == all.back());
        for (const Fraction q : k_asked) {
            const auto truth = static_cast<double>(all[nearest_rank(all.size(), q) - 1]);
            const double got = histogram.percentile(q).value_or(-1);
            CAPTURE(q.num, q.den, truth, got);
            CHECK(std::abs(got - truth) <= histogram.relative_error() * truth);
        }
    }
}

TEST_CASE("histogram: merging is having recorded everything in one, in any order") {
    for (unsigned seed = 1; seed <= 30; ++seed) {
        const auto a = values(seed, seed * 7 % 50);
        const auto b = values(seed + 1000, seed * 11 % 60);
        const auto c = values(seed + 2000, 5);
        std::vector<std::uint64_t> everything = a;
        everything.insert(everything.end(), b.begin(), b.end());
        everything.insert(everything.end(), c.begin(), c.end());
        const auto want = of(everything, 6);

        auto left = of(a, 6);
        CHECK(left.merge(of(b, 6)));
        CHECK(left.merge(of(c, 6)));
        CHECK(left == want);
        auto right = of(c, 6);
        CHECK(right.merge(of(b, 6)));
        CHECK(right.merge(of(a, 6)));
        CHECK(right == want);
        CHECK(right.merge(LogLinearHistogram(6)));
        CHECK(right == want);
    }
}

TEST_CASE("histogram: other precisions do not mix, and change nothing") {
    auto coarse = of({1, 1000, 100000}, 3);
    const auto before = coarse;
    CHECK_FALSE(coarse.merge(of({5}, 4)));
    CHECK(coarse == before);
}

TEST_CASE("histogram: small values are exact and the number of buckets is bounded") {
    LogLinearHistogram histogram(6);
    for (std::uint64_t value = 0; value < 128; ++value) {
        histogram.record(value);
    }
    for (std::uint64_t value = 1; value < 128; ++value) {
        CHECK(histogram.percentile({value, 128}) == static_cast<double>(value - 1));
    }
    histogram.record(UINT64_MAX);
    CHECK(histogram.percentile({1, 1}) == Approx(0x1p64).epsilon(histogram.relative_error()));
    CHECK(LogLinearHistogram::with_error({1, 128}).precision() == 6);
    CHECK(LogLinearHistogram::with_error({1, 129}).precision() == 7);
    CHECK(LogLinearHistogram::with_error({1, 1024}).precision() == 9);
}
