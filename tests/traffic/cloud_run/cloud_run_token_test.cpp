#include "oa_stream/base/file.hpp"

#include "cloud_run_rig.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::traffic;
using namespace oa_stream::traffic::testing;

namespace {

using net::TokenSource;

std::string text_of(const Result<Secret>& token) {
    INFO((token ? "" : token.error().text()));
    REQUIRE(token.has_value());
    return std::string(token->reveal());
}

} // namespace

TEST_CASE("metadata token: asked for with its header, and kept") {
    CloudRunRig rig;
    const TokenSource source = metadata_tokens(*rig.client, rig.fake.url());
    CHECK(text_of(rig.get(source(false))) == "token-1");
    CHECK(text_of(rig.get(source(false))) == "token-1");
    CHECK(rig.fake.count("token") == 1);
    CHECK(
        rig.fake.seen.at(0).target == "/computeMetadata/v1/instance/service-accounts/default/token"
    );
}

TEST_CASE("metadata token: a refused one is replaced at once, an expiring one before its end") {
    CloudRunRig rig;
    const TokenSource source = metadata_tokens(*rig.client, rig.fake.url());
    rig.fake.expires_in = 2;
    CHECK(text_of(rig.get(source(false))) == "token-1");
    rig.fake.next_token = "token-2";
    CHECK(text_of(rig.get(source(true))) == "token-2");
    CHECK(rig.fake.count("token") == 2);
    rig.fake.next_token = "token-3";
    std::string now = "token-2";
    const auto began = Clock::now();
    rig.run_until([&] { return (now = text_of(rig.get(source(false)))) != "token-2"; });
    CHECK(now == "token-3");
    CHECK(Clock::now() - began < std::chrono::seconds(2)); // it would have lasted so long
}

TEST_CASE("metadata token: one that still lasts is good though the server is away") {
    CloudRunRig rig;
    const TokenSource source = metadata_tokens(*rig.client, rig.fake.url());
    CHECK(text_of(rig.get(source(false))) == "token-1");
    rig.fake.faults = {{.on = "token", .times = -1, .status = 503}};
    CHECK(text_of(rig.get(source(false))) == "token-1");
    const auto fresh = rig.get(source(true));
    REQUIRE_FALSE(fresh.has_value());
    CHECK(fresh.error().code == Code::credentials);
}

TEST_CASE("a token that was refused: the error names where a fresh one goes") {
    CloudRunRig rig;
    const TokenSource source =
        token_source(rig.io().get_executor(), *rig.client, "env:PLATFORM_TOKEN", Secret("old-one"));
    const auto fresh = rig.get(source(true));
    REQUIRE_FALSE(fresh.has_value());
    CHECK(fresh.error().hint == "a fresh one goes into env:PLATFORM_TOKEN");
}

TEST_CASE("metadata token: what is no token is no credential") {
    CloudRunRig rig;
    const std::vector<Fault> answers{
        {.on = "token", .status = 404, .body = "<html>", .type = "text/html"},
        {.on = "token", .status = 200, .body = "<html>", .type = "text/html"},
        {.on = "token", .status = 200, .body = R"({"access_token":"","expires_in":3600})"},
        {.on = "token", .status = 200, .body = R"({"access_token":"secret-x"})"},
        {.on = "token", .end = Fault::End::drop},
    };
    for (const Fault& answer : answers) {
        CAPTURE(answer.body);
        const TokenSource source = metadata_tokens(*rig.client, rig.fake.url());
        rig.fake.faults = {answer};
        const auto token = rig.get(source(false));
        REQUIRE_FALSE(token.has_value());
        CHECK(token.error().code == Code::credentials);
        CHECK(token.error().text().find("secret-x") == std::string::npos);
    }
}

TEST_CASE("token of a file: a refused one is read again, the same one again is no other") {
    CloudRunRig rig;
    const test::TempFolder folder;
    const std::string file = folder.file("token");
    REQUIRE(write_file_atomic(file, "token-1\n", 0600).has_value());
    const TokenSource source =
        token_source(rig.io().get_executor(), *rig.client, "file:" + file, Secret("token-1"));
    CHECK(text_of(rig.get(source(false))) == "token-1");
    CHECK(rig.get(source(true)).error().code == Code::credentials);
    REQUIRE(write_file_atomic(file, "token-2\n", 0600).has_value());
    CHECK(text_of(rig.get(source(false))) == "token-1");
    CHECK(text_of(rig.get(source(true))) == "token-2");
    CHECK(text_of(rig.get(source(false))) == "token-2");
}
