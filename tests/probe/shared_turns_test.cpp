#include "oa_stream/probe/shared_turns.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream::probe;

TEST_CASE("shared turns: whole and alike, carried on, another one, lost") {
    const std::string begun = "data: {\"a\":1}\n\n";
    const std::string end = begun + "data: {\"b\":2}\n\ndata: [DONE]\n\n";
    const std::string other = begun + "data: {\"b\":3}\n\ndata: [DONE]\n\n";
    CHECK(judge_shared({end, end}) == Shared::same);
    CHECK(judge_shared({begun, end}) == Shared::carried);
    CHECK(judge_shared({begun + "data: {\"c", end}) == Shared::carried);
    CHECK(judge_shared({"data: {\"", end}) == Shared::carried);
    CHECK(judge_shared({"data: {\"x\":1}\n\n", end}) == Shared::differs);
    CHECK(judge_shared({end, other}) == Shared::differs);
    CHECK(judge_shared({end, begun}) == Shared::lost);
    CHECK(judge_shared({begun, begun}) == Shared::lost);
    CHECK(judge_shared({"", end}) == Shared::differs);
}
