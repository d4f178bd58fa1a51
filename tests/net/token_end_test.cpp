#include "oa_stream/net/token_source.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>

using namespace oa_stream;

namespace {

/// Payloads in base64url: {"exp":N}, {"sub":"x"} and no JSON.
struct Row {
    std::string_view name;
    std::string_view token;
    std::optional<std::int64_t> seconds;
};
constexpr std::array k_rows{
    Row{"an end", "eyJ9.eyJleHAiOjE4MDAwMDAwMDB9.s", 1'800'000'000},
    Row{"the year 9999 is later than the clock can say",
        "eyJ9.eyJleHAiOjI1MzQwMjMwMDc5OX0.s",
        9'223'372'036},
    Row{"milliseconds", "eyJ9.eyJleHAiOjE4MDAwMDAwMDAwMDB9.s", std::nullopt},
    Row{"before 1970", "eyJ9.eyJleHAiOi0xfQ.s", std::nullopt},
    Row{"none", "eyJ9.eyJzdWIiOiJ4In0.s", std::nullopt},
    Row{"no JSON", "eyJ9.eHh4.s", std::nullopt},
    Row{"another token", "ya29.abc", std::nullopt},
};

} // namespace

TEST_CASE("token: when a JSON Web Token ends") {
    for (const Row& row : k_rows) {
        CAPTURE(row.name);
        const auto end = net::token_end(row.token);
        REQUIRE(end.has_value() == row.seconds.has_value());
        if (end) {
            CHECK(*end == WallTime(std::chrono::seconds(*row.seconds)));
        }
    }
}
