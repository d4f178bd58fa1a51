// What a decision looks like as a line of the trace.
#include "oa_stream/run/redactions.hpp"

#include "traced.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::run;

TEST_CASE("traced: members of objects by their names, and below the second only how many") {
    const Json fields{
        {"plain", "word"},
        {"two", "two words"},
        {"none", nullptr},
        {"list", Json::array({1, "b"})},
        {"one", {{"two", {{"three", {{"four", 4}}}, {"word", "w"}}}, {"flat", true}}},
    };
    CHECK(
        traced("decided", fields, Redactor{}) ==
        "decided plain=word two=\"two words\" list=1,b one.two=(2) one.flat=true"
    );
}
