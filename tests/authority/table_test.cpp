#include "oa_stream/authority/kind.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::authority;
using namespace std::string_view_literals;

TEST_CASE("authority table: every name once") {
    for (const std::string_view name : authority_words()) {
        CAPTURE(name);
        const auto* kind = authority_kind(name);
        REQUIRE(kind != nullptr);
        CHECK(kind->name == name);
        CHECK_FALSE(kind->provider.empty());
        CHECK(kind->make != nullptr);
        CHECK(kind->model != nullptr);
    }
    CHECK(authority_kind("null") == nullptr);
    CHECK(std::ranges::equal(authority_words(), std::array{"codex"sv, "replay"sv, "worker"sv}));
}

TEST_CASE("authority table: what a kind makes answers by its name") {
    asio::io_context io;
    const auto* replay = authority_kind("replay");
    const auto made = replay->make(io.get_executor(), {});
    REQUIRE(made.has_value());
    CHECK((*made)->capabilities().name == replay->name);
    CHECK(replay->model({}) == "replay");
    AuthorityOptions codex;
    codex.codex.model = "m1";
    CHECK(authority_kind("codex")->model(codex) == "m1");
}

TEST_CASE("authority table: whether a lane plays recordings, as its version document says") {
    CHECK(plays_recordings(Json{{"authority", "replay"}}));
    CHECK(plays_recordings(Json{{"authority", {{"name", "replay"}, {"version", "1"}}}}));
    CHECK_FALSE(plays_recordings(Json{{"authority", {{"name", "codex"}}}}));
    CHECK_FALSE(plays_recordings(Json{{"authority", {{"name", "other"}}}}));
    CHECK_FALSE(plays_recordings(Json{{"authority", 7}}));
    CHECK_FALSE(plays_recordings(Json{{"version", "1"}}));
    CHECK_FALSE(plays_recordings(Json::array()));
}
