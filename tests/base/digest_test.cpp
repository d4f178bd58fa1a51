#include "oa_stream/base/digest.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

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

TEST_CASE("hmac_sha256: the vectors of RFC 4231") {
    const auto hex = [](std::string_view bytes) {
        std::string out;
        for (const char c : bytes) {
            out += fmt::format("{:02x}", static_cast<unsigned char>(c));
        }
        return out;
    };
    CHECK(
        hex(hmac_sha256("Jefe", "what do ya want for nothing?")) ==
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    CHECK(
        hex(hmac_sha256(
            std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"
        )) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
}
