// Every family of the reference numbers is asserted; one that the table below does not know fails.
#include "oa_stream/measure/bootstrap.hpp"
#include "oa_stream/measure/buckets.hpp"
#include "oa_stream/measure/histogram.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/quantile.hpp"

#include "ranks.hpp"
#include "slo/slo.hpp"
#include "stats/resample.hpp"
#include "vectors.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>

using namespace oa_stream;
using namespace oa_stream::measure;
using namespace oa_stream::measure::vectors;

namespace {

// Proportions
// ---------------------------------------------------------------------------------

void wilson_case(const Json& in, const Json& out, Tolerance tolerance) {
    const Counts counts{whole(in, "k"), whole(in, "n")};
    const auto got = wilson(counts, in.at("confidence").get<double>(), Side::two);
    REQUIRE(got.has_value() == !undefined(out));
    if (got) {
        CHECK(tolerance.equal(counts.rate(), number(out.at("p"))));
        CHECK(tolerance.equal(got->low, number(out.at("low"))));
        CHECK(tolerance.equal(got->high, number(out.at("high"))));
    }
}

void newcombe_case(const Json& in, const Json& out, Tolerance tolerance) {
    const Counts a{whole(in, "k1"), whole(in, "n1")};
    const Counts b{whole(in, "k2"), whole(in, "n2")};
    const auto got = newcombe_difference(a, b, in.at("confidence").get<double>(), Side::two);
    REQUIRE(got.has_value() == !undefined(out));
    if (got) {
        CHECK(tolerance.equal(a.rate() - b.rate(), number(out.at("diff"))));
        CHECK(tolerance.equal(got->low, number(out.at("low"))));
        CHECK(tolerance.equal(got->high, number(out.at("high"))));
    }
}

void clopper_pearson_case(const Json& in, const Json& out, Tolerance tolerance) {
    const auto side = in.at("side").get<std::string>();
    const Tail tail = side == "two" ? Tail::two : side == "upper" ? Tail::upper : Tail::lower;
    const Counts counts{whole(in, "k"), whole(in, "n")};
    const auto got = clopper_pearson(counts, in.at("confidence").get<double>(), tail);
    REQUIRE(got.has_value() == !undefined(out));
    if (got) {
        CHECK(tolerance.equal(got->low, number(out.at("low"))));
        CHECK(tolerance.equal(got->high, number(out.at("high"))));
    }
}

void fisher_case(const Json& in, const Json& out, Tolerance tolerance) {
    const std::uint64_t a = whole(in, "a");
    const std::uint64_t b = whole(in, "b");
    const std::uint64_t c = whole(in, "c");
    const std::uint64_t d = whole(in, "d");
    CHECK(tolerance.equal(fisher_greater(a, b, c, d), number(out.at("p_greater"))));
    CHECK(tolerance.equal(fisher_greater(c, d, a, b), number(out.at("p_less"))));
}

// Ranks and quantiles
// ---------------------------------------------------------------------------

RankMethod method_of(const Json& in) {
    return in.at("method") == "exact" ? RankMethod::exact : RankMethod::asymptotic;
}

void mann_whitney_case(const Json& in, const Json& out, Tolerance tolerance) {
    const auto got = mann_whitney(numbers(in.at("x")), numbers(in.at("y")), method_of(in));
    REQUIRE(got.has_value() == !undefined(out));
    if (got) {
        CHECK(tolerance.equal(got->u1, number(out.at("u1"))));
        CHECK(tolerance.equal(got->u2, number(out.at("u2"))));
        CHECK(tolerance.equal(got->p_less, number(out.at("p_less"))));
        CHECK(tolerance.equal(got->p_greater, number(out.at("p_greater"))));
        CHECK(tolerance.equal(got->p_two_sided, number(out.at("p_two_sided"))));
    }
}

void hodges_lehmann_case(const Json& in, const Json& out, Tolerance tolerance) {
    const auto got = hodges_lehmann(
        numbers(in.at("x")), numbers(in.at("y")), fraction(in.at("confidence")), method_of(in)
    );
    REQUIRE(got.has_value() == !undefined(out));
    if (!got) {
        return;
    }
    CHECK(tolerance.equal(got->shift, number(out.at("shift"))));
    REQUIRE(got->bounds.has_value() == (out.at("status") == "ok"));
    if (got->bounds) {
        CHECK(got->bounds->rank == whole(out, "rank"));
        CHECK(tolerance.equal(got->bounds->low, number(out.at("low"))));
        CHECK(tolerance.equal(got->bounds->high, number(out.at("high"))));
        const Json achieved = out.value("achieved_confidence", Json(nullptr));
        CHECK(tolerance.equal(got->bounds->achieved_confidence, achieved));
    }
}

void quantile_case(const Json& in, const Json& out, Tolerance tolerance) {
    std::vector<double> values = numbers(in.at("values"));
    std::ranges::sort(values);
    REQUIRE(values.empty() == undefined(out));
    if (values.empty()) {
        return;
    }
    const Fraction q = fraction(in.at("q"));
    CHECK(nearest_rank(values.size(), q) == whole(out, "rank"));
    CHECK(quantile_sorted(values, q) == number(out.at("nearest_rank")));
    CHECK(tolerance.equal(quantile_type7(values, q), number(out.at("type7"))));
}

void check_rank(
    const std::optional<RankBound>& got, const Json& rank, const Json& coverage, Tolerance tolerance
) {
    REQUIRE(got.has_value() == !rank.is_null());
    if (got) {
        CHECK(got->rank == rank.get<std::uint64_t>());
        CHECK(tolerance.equal(got->coverage, number(coverage)));
    }
}

void orderstat_case(const Json& in, const Json& out, Tolerance tolerance) {
    const std::uint64_t n = whole(in, "n");
    const Fraction p = fraction(in.at("p"));
    const double confidence = fraction(in.at("confidence")).value();
    const Json& upper = out.at("upper_one_sided");
    const Json& lower = out.at("lower_one_sided");
    const Json& both = out.at("two_sided");
    check_rank(upper_rank(n, p, confidence), upper.at("rank"), upper.at("coverage"), tolerance);
    check_rank(lower_rank(n, p, confidence), lower.at("rank"), lower.at("coverage"), tolerance);
    const double each = (1 + confidence) / 2;
    const auto high = upper_rank(n, p, each);
    const auto low = lower_rank(n, p, each);
    CHECK(high.has_value() == !both.at("high_rank").is_null());
    CHECK(low.has_value() == !both.at("low_rank").is_null());
    if (high && low) {
        CHECK(high->rank == both.at("high_rank").get<std::uint64_t>());
        CHECK(low->rank == both.at("low_rank").get<std::uint64_t>());
        CHECK(tolerance.equal(high->coverage + low->coverage - 1, number(both.at("coverage"))));
    }
    CHECK(needed_for_upper_rank(p, confidence) == whole(out, "min_n_upper"));
}

// Budgets
// ---------------------------------------------------------------------------------------

Counts window(const Json& in) {
    return {whole(in, "bad"), whole(in, "total")};
}

void check_window(const BurnRate::Window& got, const Json& want, Tolerance tolerance) {
    CHECK(tolerance.equal(got.error_rate, want.at("error_rate")));
    CHECK(tolerance.equal(got.burn_rate, want.at("burn_rate")));
}

void burn_rate_case(const Json& in, const Json& out, Tolerance tolerance) {
    const BurnRate got = burn_rate({
        .objective = percent(in.at("slo_percent")),
        .threshold = fraction(in.at("threshold")),
        .long_window = window(in.at("long")),
        .short_window = window(in.at("short")),
    });
    CHECK(got.firing == out.at("firing").get<bool>());
    CHECK((got.has_data ? "ok" : "no_data") == out.at("status").get<std::string>());
    check_window(got.long_window, out.at("long"), tolerance);
    check_window(got.short_window, out.at("short"), tolerance);
    if (const auto& burn = got.long_window.burn_rate) {
        const double hours = hours_left(1, *burn, fraction(in.at("period_hours")).value());
        CHECK(tolerance.equal(hours, number(out.at("hours_to_exhaustion"))));
    }
}

void error_budget_case(const Json& in, const Json& out, Tolerance tolerance) {
    const auto got = error_budget(
        {whole(in, "bad"), whole(in, "total")},
        percent(in.at("slo_percent")),
        percent(in.at("max_consumed_percent"))
    );
    REQUIRE(got.has_value() == (out.at("status") == "ok"));
    CHECK((!got ? "hold" : got->within ? "pass" : "fail") == out.at("gate").get<std::string>());
    if (got) {
        CHECK(tolerance.equal(got->allowed_bad, number(out.at("allowed_bad"))));
        CHECK(tolerance.equal(got->consumed * 100, number(out.at("consumed_percent"))));
        CHECK(tolerance.equal(got->remaining * 100, number(out.at("remaining_percent"))));
        CHECK(tolerance.equal(got->sli * 100, number(out.at("sli_percent"))));
    }
}

// Histograms
// ------------------------------------------------------------------------------------

void histogram_quantile_case(const Json& in, const Json& out, Tolerance tolerance) {
    std::vector<Bucket> buckets;
    for (const Json& bucket : in.at("buckets")) {
        buckets.push_back({number(bucket.at("le")), number(bucket.at("count"))});
    }
    const auto got = histogram_quantile(number(in.at("q")), buckets);
    REQUIRE(got.has_value() == (out.at("status") == "ok"));
    if (got) {
        CHECK(tolerance.equal(*got, number(out.at("value"))));
    }
}

std::uint64_t generated(const Json& spec, std::uint64_t z) {
    const std::uint64_t low = whole(spec, "low");
    const std::uint64_t span = whole(spec, "high") - low + 1;
    if (spec.at("shape") == "uniform") {
        return low + z % span;
    }
    const std::uint64_t octave = std::uint64_t{1} << (low + (z >> 32U) % span);
    return octave + (z & 0xffffffffU) % octave;
}

LogLinearHistogram recorded(const Json& spec, LogLinearHistogram histogram) {
    if (spec.is_array()) {
        for (const Json& value : spec) {
            histogram.record(value.get<std::uint64_t>());
        }
    } else if (spec.contains("repeat")) {
        for (const Json& pair : spec.at("repeat")) {
            histogram.record(pair.at(0).get<std::uint64_t>(), pair.at(1).get<std::uint64_t>());
        }
    } else {
        Random random(whole(spec, "splitmix64"));
        for (std::uint64_t i = 0; i < whole(spec, "count"); ++i) {
            histogram.record(generated(spec, random.next()));
        }
    }
    return histogram;
}

void loglinear_case(const Json& in, const Json& out, Tolerance) {
    const Fraction error = fraction(in.at("relative_error"));
    const auto got = recorded(in.at("values"), LogLinearHistogram::with_error(error));
    CHECK(got.relative_error() <= error.value());
    REQUIRE((got.count() == 0) == undefined(out));
    if (got.count() == 0) {
        CHECK_FALSE(got.percentile({1, 2}).has_value());
        return;
    }
    CHECK(got.count() == whole(out, "count"));
    CHECK(got.min() == whole(out, "min"));
    CHECK(got.max() == whole(out, "max"));
    CHECK(got.sum() == whole(out, "sum"));
    for (const auto& [q, want] : out.at("percentiles").items()) {
        CAPTURE(q);
        const auto value = got.percentile(fraction(Json(q)));
        REQUIRE(value.has_value());
        CHECK(*value >= number(want.at("low")));
        CHECK(*value <= number(want.at("high")));
    }
}

// Resampling
// ------------------------------------------------------------------------------------

std::optional<Estimate> resampled(const Json& in) {
    const auto statistic = in.at("statistic").get<std::string>();
    const auto x = numbers(in.at("x"));
    const auto y = numbers(in.at("y"));
    const BootstrapOptions options{
        .confidence = in.at("confidence").get<double>(),
        .side = Side::two,
        .seed = 7,
        .resamples = std::max(20000, in.at("resamples").get<int>()),
    };
    const Statistic what = statistic.ends_with("mean")     ? Statistic::mean
                           : statistic.ends_with("median") ? Statistic::median
                                                           : Statistic::p95;
    if (statistic.starts_with("diff_")) {
        return bootstrap_contrast(x, y, what, Contrast::difference, options);
    }
    if (statistic.starts_with("ratio_")) {
        return bootstrap_contrast(x, y, what, Contrast::ratio, options);
    }
    return bootstrap_statistic(x, what, options);
}

void bootstrap_case(const Json& in, const Json& out, Tolerance) {
    const auto got = resampled(in);
    REQUIRE(got.has_value() == !undefined(out));
    if (got) {
        CHECK(got->point == Approx(number(out.at("point"))).epsilon(1e-12));
        CHECK(got->interval.low >= number(out.at("low_band").at(0)));
        CHECK(got->interval.low <= number(out.at("low_band").at(1)));
        CHECK(got->interval.high >= number(out.at("high_band").at(0)));
        CHECK(got->interval.high <= number(out.at("high_band").at(1)));
    }
}

const std::map<std::string, Case, std::less<>> k_families{
    {"wilson", wilson_case},
    {"newcombe_diff", newcombe_case},
    {"clopper_pearson", clopper_pearson_case},
    {"fisher_exact", fisher_case},
    {"mann_whitney", mann_whitney_case},
    {"hodges_lehmann", hodges_lehmann_case},
    {"quantile", quantile_case},
    {"orderstat_ci", orderstat_case},
    {"burn_rate", burn_rate_case},
    {"error_budget", error_budget_case},
    {"prom_histogram_quantile", histogram_quantile_case},
    {"loglinear_percentile", loglinear_case},
    {"bootstrap", bootstrap_case},
};

} // namespace

TEST_CASE("vectors: every family of the file is asserted, each case within its tolerance") {
    REQUIRE(!all().at("families").empty());
    for (const auto& [family, content] : all().at("families").items()) {
        INFO("family " << family);
        const auto found = k_families.find(family);
        REQUIRE(found != k_families.end());
        each_case(family, found->second);
    }
}

TEST_CASE("vectors: the shipped file holds every family there is a test for") {
    for (const auto& [family, body] : k_families) {
        CAPTURE(family);
        CHECK(all().at("families").contains(family));
    }
}

TEST_CASE("bootstrap: the same seed gives the same interval, an infinite reference proves nothing"
) {
    const std::vector<double> x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const BootstrapOptions options{.confidence = 0.95, .side = Side::one, .seed = 3};
    const auto a = bootstrap_quantile_ratio(x, x, k_p95, options);
    const auto b = bootstrap_quantile_ratio(x, x, k_p95, options);
    REQUIRE(a.has_value());
    REQUIRE(b.has_value());
    CHECK(a->interval.low == b->interval.low);
    CHECK(a->interval.high == b->interval.high);

    const std::vector<double> never(10, std::numeric_limits<double>::infinity());
    const auto none = bootstrap_quantile_ratio(never, x, k_p95, options);
    REQUIRE(none.has_value());
    CHECK(std::isnan(none->point));
    CHECK(none->interval.low == 0);
    CHECK(std::isinf(none->interval.high));
    CHECK_FALSE(bootstrap_quantile_ratio({}, x, k_p95, options).has_value());
}
