#include "bodies/text_file.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace oa_stream::lane;

TEST_CASE("text file: base64 is read whatever its case, with spaces around it and after parameters"
) {
    for (const std::string_view type :
         {"text/plain;base64",
          "text/plain;BASE64",
          "text/plain;Base64",
          "text/csv; base64",
          "text/csv;base64 ",
          "application/json;charset=utf-8;BASE64"}) {
        CAPTURE(type);
        CHECK(text_file(fmt::format("data:{},c2VjcmV0", type)) == "secret");
        CHECK_FALSE(text_file_fault(fmt::format("data:{},c2Vj*cmV0", type)).empty());
    }
}

TEST_CASE("text file: base64 elsewhere in the type is no encoding") {
    for (const std::string_view type :
         {"text/plain",
          "text/plain;charset=utf-8",
          "text/base64",
          "text/plain;base64;charset=utf-8",
          "text/plain;x=base64",
          "text/plain;base 64"}) {
        CAPTURE(type);
        CHECK(text_file(fmt::format("data:{},c2Vj%20cmV0;base64,", type)) == "c2Vj cmV0;base64,");
    }
}
