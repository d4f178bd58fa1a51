#include "oa_stream/base/digest.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;

TEST_CASE("sha256: the published test values") {
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("sha256 of a file that is not there is an error") {
    CHECK(sha256_of_file("/nonexistent").error().code == oa_stream::Code::unreadable);
}

TEST_CASE("base64url: the values of RFC 4648 without padding, and nothing else") {
    CHECK(base64url_decoded("") == "");
    CHECK(base64url_decoded("Zg") == "f");
    CHECK(base64url_decoded("Zm8") == "fo");
    CHECK(base64url_decoded("Zm9vYmFy") == "foobar");
    CHECK(base64url_decoded("-_8") == "\xfb\xff");
    CHECK_FALSE(base64url_decoded("Zg=="));
    CHECK_FALSE(base64url_decoded("+/8"));
}
