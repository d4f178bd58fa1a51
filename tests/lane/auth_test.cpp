#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/digest.hpp"
#include "oa_stream/lane/auth.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

std::string line_for(std::string_view token, std::string_view rest) {
    return fmt::format("sha256:{} {}\n", sha256_hex(token), rest);
}

const WallTime k_now = parse_rfc3339("2026-03-01T12:00:00Z").value();

} // namespace

TEST_CASE("auth: a known token gives its owner, whatever the scheme's case and spaces") {
    const auto table = TokenTable::parse(
        "# staging\n\n" + line_for("tok-a", "owner=alice") + line_for("tok-b", "owner=bob@x.y"), "t"
    );
    REQUIRE(table.has_value());
    CHECK(table->size() == 2);
    CHECK(table->check("Bearer tok-a", k_now) == "alice");
    CHECK(table->check("bearer   tok-b ", k_now) == "bob@x.y");
    CHECK(table->check("BEARER tok-a", k_now) == "alice");
}

TEST_CASE("auth: everything else is denied, and says why") {
    struct Row {
        const char* name;
        std::optional<std::string_view> header;
        Denied want;
    };
    static const std::array k_rows{
        Row{"no header", std::nullopt, Denied::missing},
        Row{"blank", "  ", Denied::missing},
        Row{"scheme alone", "Bearer", Denied::malformed},
        Row{"another scheme", "Basic dG9rLWE=", Denied::malformed},
        Row{"two tokens", "Bearer tok-a tok-a", Denied::malformed},
        Row{"token without scheme", "tok-a", Denied::malformed},
        Row{"unknown token", "Bearer tok-z", Denied::unknown},
        Row{"prefix of a token", "Bearer tok-", Denied::unknown},
        Row{"the digest itself",
            "Bearer "
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            Denied::unknown},
        Row{"expired", "Bearer tok-old", Denied::expired},
        Row{"expires this second", "Bearer tok-now", Denied::expired},
    };
    const auto table = TokenTable::parse(
        line_for("tok-a", "owner=alice") + line_for("abc", "owner=abc") +
            line_for("tok-old", "owner=old expires=2026-03-01T11:59:59Z") +
            line_for("tok-now", "expires=2026-03-01T13:00:00+01:00 owner=now"),
        "t"
    );
    REQUIRE(table.has_value());
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto got = table->check(row.header, k_now);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error() == row.want);
    }
}

TEST_CASE("auth: a token that has not yet expired is good") {
    const auto table =
        TokenTable::parse(line_for("t", "owner=o expires=2026-03-01T12:00:01.250Z"), "t");
    REQUIRE(table.has_value());
    CHECK(table->check("Bearer t", k_now) == "o");
    const auto never =
        TokenTable::parse(line_for("t", "owner=o expires=9999-12-31T23:59:59Z"), "t");
    REQUIRE(never.has_value());
    CHECK(never->check("Bearer t", k_now) == "o");
}

TEST_CASE("auth: the words of a line may stand in any order") {
    const auto digest = "sha256:" + sha256_hex("t");
    const std::string owner = "owner=o";
    const std::string expires = "expires=2026-03-01T12:00:01Z";
    for (const auto& line :
         {digest + " " + owner + " " + expires,
          owner + "\t" + expires + "  " + digest,
          expires + " " + digest + " " + owner}) {
        CAPTURE(line);
        const auto table = TokenTable::parse(line, "t");
        REQUIRE(table.has_value());
        CHECK(table->check("Bearer t", k_now) == "o");
        const auto later = parse_rfc3339("2026-03-01T12:00:01Z").value();
        CHECK(table->check("Bearer t", later).error() == Denied::expired);
    }
}

TEST_CASE("auth: a bad line is refused with its number and without its words") {
    struct Row {
        const char* name;
        std::string line;
    };
    const std::string digest(64, 'a');
    const std::array rows{
        Row{"no owner", "sha256:" + digest},
        Row{"no digest", "owner=x"},
        Row{"short digest", "sha256:abcd owner=x"},
        Row{"digest with a letter too many", "sha256:" + std::string(64, 'g') + " owner=x"},
        Row{"token in clear", "sk-live-secret owner=x"},
        Row{"owner with a slash", "sha256:" + digest + " owner=a/b"},
        Row{"unknown word", "sha256:" + digest + " owner=x role=admin"},
        Row{"digest twice", "sha256:" + digest + " sha256:" + digest + " owner=x"},
        Row{"expiry twice",
            "sha256:" + digest +
                " owner=x expires=2026-01-01T00:00:00Z expires=2027-01-01T00:00:00Z"},
        Row{"owner twice", "sha256:" + digest + " owner=x owner=y"},
        Row{"expiry without zone", "sha256:" + digest + " owner=x expires=2026-01-01T00:00:00"},
        Row{"expiry on 31 February", "sha256:" + digest + " owner=x expires=2026-02-31T00:00:00Z"},
    };
    for (const auto& row : rows) {
        DYNAMIC_SECTION(row.name) {
            const auto table = TokenTable::parse("# one\n" + row.line + "\n", "tokens.txt");
            REQUIRE_FALSE(table.has_value());
            CHECK(table.error().code == Code::config);
            CHECK(table.error().where == "tokens.txt:2");
            CHECK(table.error().text().find("sk-live-secret") == std::string::npos);
        }
    }
}

TEST_CASE("auth: a token from the environment never expires") {
    TokenTable table;
    table.add(Secret("from-env"), "env");
    CHECK(table.check("Bearer from-env", k_now) == "env");
}
