// Reference numbers computed by scipy and statsmodels. Families this room does not compute are
// other rooms' or later work and are left alone here.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/bootstrap.hpp"
#include "oa_stream/measure/proportion.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>

using namespace oa_stream;
using namespace oa_stream::measure;

namespace {

Json load() {
    const char* other = std::getenv("OA_STREAM_STAT_VECTORS");
    const std::string path =
        other != nullptr ? other : OA_SOURCE_DIR "/fixtures/vectors/stats.json";
    const auto text = read_file(path);
    REQUIRE(text.has_value());
    auto json = parse_json(*text);
    REQUIRE(json.has_value());
    return *std::move(json);
}

double number(const Json& value) {
    if (value.is_string()) {
        const auto word = value.get<std::string>();
        return word == "NaN"    ? std::numeric_limits<double>::quiet_NaN()
               : word == "+Inf" ? std::numeric_limits<double>::infinity()
                                : -std::numeric_limits<double>::infinity();
    }
    return value.get<double>();
}

struct Tolerance {
    double rel = 0;
    double abs = 0;
    [[nodiscard]] bool equal(double got, double want) const {
        if (std::isnan(want) || std::isinf(want)) {
            return std::isnan(want) ? std::isnan(got) : got == want;
        }
        return std::abs(got - want) <= std::max(abs, rel * std::abs(want));
    }
};

using Case = std::function<void(const Json& in, const Json& out, Tolerance)>;

void each_case(std::string_view family, const Case& body) {
    const Json all = load();
    const Json& one = all.at("families").at(std::string(family));
    const Json& limits = one.at("tolerance");
    const Tolerance tolerance{limits.value("rel", 0.0), limits.value("abs", 0.0)};
    REQUIRE(!one.at("cases").empty());
    for (const Json& item : one.at("cases")) {
        INFO(item.at("id").get<std::string>());
        body(item.at("in"), item.at("out"), tolerance);
    }
}

bool undefined(const Json& out) {
    return out.at("status") == "undefined";
}

std::uint64_t whole(const Json& in, const char* key) {
    return in.at(key).get<std::uint64_t>();
}

Fraction fraction(const Json& in, const char* key) {
    const auto parsed = Fraction::parse(in.at(key).get<std::string>());
    REQUIRE(parsed.has_value());
    return *parsed;
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

} // namespace

TEST_CASE("vectors: wilson") {
    each_case("wilson", [](const Json& in, const Json& out, Tolerance tolerance) {
        const Counts counts{whole(in, "k"), whole(in, "n")};
        const auto got = wilson(counts, in.at("confidence").get<double>(), Side::two);
        REQUIRE(got.has_value() == !undefined(out));
        if (got) {
            CHECK(tolerance.equal(counts.rate(), number(out.at("p"))));
            CHECK(tolerance.equal(got->low, number(out.at("low"))));
            CHECK(tolerance.equal(got->high, number(out.at("high"))));
        }
    });
}

TEST_CASE("vectors: newcombe_diff") {
    each_case("newcombe_diff", [](const Json& in, const Json& out, Tolerance tolerance) {
        const Counts a{whole(in, "k1"), whole(in, "n1")};
        const Counts b{whole(in, "k2"), whole(in, "n2")};
        const auto got = newcombe_difference(a, b, in.at("confidence").get<double>(), Side::two);
        REQUIRE(got.has_value() == !undefined(out));
        if (got) {
            CHECK(tolerance.equal(a.rate() - b.rate(), number(out.at("diff"))));
            CHECK(tolerance.equal(got->low, number(out.at("low"))));
            CHECK(tolerance.equal(got->high, number(out.at("high"))));
        }
    });
}

TEST_CASE("vectors: fisher_exact") {
    each_case("fisher_exact", [](const Json& in, const Json& out, Tolerance tolerance) {
        const auto got =
            fisher_exact(whole(in, "a"), whole(in, "b"), whole(in, "c"), whole(in, "d"));
        CHECK(tolerance.equal(got.p_two_sided, number(out.at("p_two_sided"))));
        CHECK(tolerance.equal(got.p_greater, number(out.at("p_greater"))));
        CHECK(tolerance.equal(got.p_less, number(out.at("p_less"))));
        CHECK(tolerance.equal(got.odds_ratio, number(out.at("odds_ratio"))));
    });
}

TEST_CASE("vectors: quantile by nearest rank") {
    each_case("quantile", [](const Json& in, const Json& out, Tolerance) {
        std::vector<double> values;
        for (const Json& value : in.at("values")) {
            values.push_back(number(value));
        }
        std::sort(values.begin(), values.end());
        if (undefined(out)) {
            CHECK(values.empty());
            return;
        }
        const Fraction q = fraction(in, "q");
        CHECK(nearest_rank(values.size(), q) == out.at("rank").get<std::uint64_t>());
        CHECK(quantile_sorted(values, q) == number(out.at("nearest_rank")));
    });
}

TEST_CASE("vectors: orderstat_ci") {
    each_case("orderstat_ci", [](const Json& in, const Json& out, Tolerance tolerance) {
        const std::uint64_t n = whole(in, "n");
        const Fraction p = fraction(in, "p");
        const double confidence = fraction(in, "confidence").value();
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
    });
}

TEST_CASE("vectors: bootstrap of p95 and of the ratio of two p95") {
    int judged = 0;
    each_case("bootstrap", [&](const Json& in, const Json& out, Tolerance) {
        const auto statistic = in.at("statistic").get<std::string>();
        if (statistic != "p95" && statistic != "ratio_p95") {
            return; // gates use these two
        }
        ++judged;
        const auto x = in.at("x").get<std::vector<double>>();
        const auto y = in.at("y").get<std::vector<double>>();
        const BootstrapOptions options{
            .confidence = in.at("confidence").get<double>(),
            .side = Side::two,
            .seed = 7,
            .resamples = 20000
        };
        const auto got = statistic == "p95" ? bootstrap_quantile(x, k_p95, options)
                                            : bootstrap_quantile_ratio(x, y, k_p95, options);
        REQUIRE(got.has_value() == !undefined(out));
        if (got) {
            CHECK(got->point == Approx(number(out.at("point"))).epsilon(1e-12));
            CHECK(got->interval.low >= number(out.at("low_band").at(0)));
            CHECK(got->interval.low <= number(out.at("low_band").at(1)));
            CHECK(got->interval.high >= number(out.at("high_band").at(0)));
            CHECK(got->interval.high <= number(out.at("high_band").at(1)));
        }
    });
    CHECK(judged >= 1);
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
