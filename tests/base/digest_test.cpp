#include "oa_stream/base/digest.hpp"

#include <catch2/catch.hpp>

TEST_CASE("sha256: the published test values") {
    CHECK(
        oa_stream::sha256_hex("") ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    CHECK(
        oa_stream::sha256_hex("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

TEST_CASE("sha256 of a file that is not there is an error") {
    CHECK(oa_stream::sha256_of_file("/nonexistent").error().code == oa_stream::Code::unreadable);
}
