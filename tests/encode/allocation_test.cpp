// A token costs no allocation but the growth of the output: every stream's every delta passes here.
#include "allocations.hpp"
#include "completions_support.hpp"
#include "stream_support.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode::test;

using oa_stream::testing::allocations;

namespace {

void check_deltas_allocate_nothing(auto& encoder) {
    std::string out;
    out.reserve(1U << 20U);
    REQUIRE(encoder.encode(PartOpened{"m1"}, out));
    const Event delta = PartDelta{"m1", "a text delta that is too long for a small string"};
    REQUIRE(encoder.encode(delta, out)); // the buffer it is copied through grows once
    const std::size_t before = allocations();
    for (int i = 0; i < 1000; ++i) {
        if (!encoder.encode(delta, out)) {
            FAIL("refused");
        }
    }
    CHECK(allocations() == before);
}

} // namespace

TEST_CASE("ui encoder: a delta allocates nothing but output") {
    encode::UiEncoder encoder(options());
    check_deltas_allocate_nothing(encoder);
}

TEST_CASE("completions: a delta allocates nothing but output") {
    const auto encoder = encode::completions_stream(identity(), true);
    check_deltas_allocate_nothing(*encoder);
}

TEST_CASE("normaliser: a delta in order is moved through") {
    encode::Normaliser normaliser;
    std::vector<Event> out;
    out.reserve(2000);
    normaliser.push(TurnStarted{"t", "u", ""}, out);
    normaliser.push(PartOpened{"m1"}, out);
    normaliser.push(PartDelta{"m1", "x"}, out);
    std::vector<Event> deltas(
        1000, PartDelta{"m1", "a text delta that is too long for a small string"}
    );
    const std::size_t before = allocations();
    for (Event& delta : deltas) {
        normaliser.push(std::move(delta), out);
    }
    CHECK(allocations() == before);
    CHECK(out.size() == 1003);
}
