#include "oa_stream/measure/fraction.hpp"
#include "oa_stream/measure/quantile.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using measure::Fraction;

namespace {

struct Row {
    std::string_view text;
    bool good;
    Fraction want{};
};

constexpr std::array k_rows{
    Row{"0.95", true, {19, 20}},
    Row{"95", true, {95, 1}},
    Row{"0", true, {0, 1}},
    Row{"1/12", true, {1, 12}},
    Row{"0.070", true, {7, 100}},
    Row{"", false},
    Row{".5", false},
    Row{"1.", false},
    Row{"-1", false},
    Row{"1e3", false},
    Row{"1/0", false},
    Row{"1.5/2", false},
    Row{"0.1234567890123456", false},
};

} // namespace

TEST_CASE("fraction: plain decimals and whole ratios, nothing else") {
    for (const Row& row : k_rows) {
        CAPTURE(row.text);
        const auto got = Fraction::parse(row.text);
        REQUIRE(got.has_value() == row.good);
        if (row.good) {
            CHECK(*got == row.want);
        } else {
            CHECK(got.error().code == Code::usage);
        }
    }
}

TEST_CASE("fraction: of a share with up to nine digits") {
    CHECK(Fraction::of(0.999) == Fraction{999, 1000});
    CHECK(Fraction::of(0.9999999) == Fraction{9'999'999, 10'000'000});
    CHECK(Fraction::of(0.00001) == Fraction{1, 100'000});
    CHECK(Fraction::of(0) == Fraction{0, 1});
    CHECK(Fraction::of(1) == Fraction{1, 1});
    CHECK(Fraction::of(0.95) == measure::k_p95);
    CHECK(Fraction{19, 20} == measure::k_p95);
    CHECK(Fraction{0, 7} == Fraction{0, 1});
    CHECK_FALSE(Fraction{949, 1000} == measure::k_p95);
}

TEST_CASE("nearest rank: 0.07 of 100 is rank 7, though 0.07 * 100 is above 7 in floating point") {
    CHECK(measure::nearest_rank(100, Fraction{7, 100}) == 7);
    CHECK(measure::nearest_rank(1, Fraction{0, 1}) == 1);
    CHECK(measure::nearest_rank(10, Fraction{1, 1}) == 10);
}
