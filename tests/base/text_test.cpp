#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/utf8.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>

using namespace oa_stream;
using namespace std::string_view_literals;

TEST_CASE("controls: each is one space, those of two bytes, too") {
    CHECK(blank_controls("a\x1b[31m\u009bb\x7f\u00a0") == "a [31m b \u00a0");
    CHECK(blank_controls("a\n\tb", "\n") == "a\n b");
    CHECK(blank_controls("a\u202eb\u2029c") == "a b c");
    CHECK(blank_controls("").empty());
}

TEST_CASE("utf-8: the first invalid byte is found") {
    struct Row {
        const char* name;
        std::string_view in;
        std::optional<std::size_t> want;
    };
    static const std::array k_rows{
        Row{"ascii", "abc", std::nullopt},
        Row{"two, three, four bytes", "\u00e9\u20ac\U0001F600", std::nullopt},
        Row{"overlong slash", "a\xC0\xAF", 1},
        Row{"overlong three", "\xE0\x80\x80", 0},
        Row{"surrogate", "ab\xED\xA0\x80", 2},
        Row{"above U+10FFFF", "\xF4\x90\x80\x80", 0},
        Row{"stray continuation", "a\x80", 1},
        Row{"cut", "a\xF0\x9F\x98", 1},
        Row{"0xFF", "\xFF", 0},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        CHECK(invalid_utf8(row.in) == row.want);
    }
}

TEST_CASE("utf-8: runs of plain text end where they would, byte by byte") {
    const auto run_of = [](std::string_view text, auto&& plain) {
        return static_cast<std::size_t>(std::ranges::find_if_not(text, plain) - text.begin());
    };
    const auto ascii = [](char c) { return static_cast<unsigned char>(c) < 0x80; };
    const auto control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
    const auto quoted = [](char c) { return c == '"' || c == '\\'; };
    std::mt19937 random(7);
    for (int round = 0; round < 20'000; ++round) {
        std::string text(random() % 40, 'a');
        for (auto count = random() % 4; count > 0 && !text.empty(); --count) {
            text[random() % text.size()] = static_cast<char>(random());
        }
        CAPTURE(printable(text));
        const auto plain = [&](char c) { return ascii(c) && !control(c); };
        REQUIRE(ascii_run(text) == run_of(text, ascii));
        REQUIRE(plain_run<false>(text) == run_of(text, plain));
        REQUIRE(plain_run<true>(text) == run_of(text, [&](char c) {
                    return plain(c) && !quoted(c);
                }));
        REQUIRE(unbroken_run(text) == run_of(text, [&](char c) {
                    return plain(c) && !quoted(c) && c != ' ' && c != '\x7f';
                }));
        REQUIRE(unescaped_run(text) == run_of(text, [&](char c) {
                    return !control(c) && !quoted(c);
                }));
    }
    CHECK(ascii_run({}) == 0);
}

TEST_CASE("utf-8: only an unfinished sequence at the end is held back") {
    CHECK(whole_utf8_prefix("abc") == 3);
    CHECK(whole_utf8_prefix("a\xF0\x9F\x98") == 1);
    CHECK(whole_utf8_prefix("a\xF0\x9F\x98\x80") == 5);
    CHECK(whole_utf8_prefix("a\xE2\x82") == 1);
    CHECK(whole_utf8_prefix("a\xC3") == 1);
    CHECK(whole_utf8_prefix("a\x80\x80") == 3); // invalid, but nothing can complete it
    CHECK(whole_utf8_prefix("") == 0);
}

TEST_CASE("nearest: only close words are suggested") {
    static constexpr std::array k_words{"smoke"sv, "serve"sv, "check"sv};
    CHECK(nearest("smke", k_words) == "smoke");
    CHECK(nearest("smoek", k_words) == "smoke"); // two letters swapped
    CHECK(nearest("esmok", k_words) == std::nullopt);
    CHECK(nearest("zzzz", k_words) == std::nullopt);
}

TEST_CASE("count: strict decimal within its range") {
    CHECK(parse_count("0", 0, 9).value() == 0);
    CHECK(parse_count("65535", 1, 65535).value() == 65535);
    for (const auto* bad :
         {"", "010", "0x10", " 5", "5 ", "-1", "+1", "65536", "1e3", "99999999999999999999999"}) {
        CAPTURE(bad);
        const auto parsed = parse_count(bad, 0, 65535);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == Code::usage);
    }
}

TEST_CASE("percent decoding: once, and refused when broken") {
    CHECK(percent_decode("a%20b%2Fc") == "a b/c");
    CHECK(percent_decode("a%2520") == "a%20");
    CHECK(percent_decode("%") == std::nullopt);
    CHECK(percent_decode("%2") == std::nullopt);
    CHECK(percent_decode("%zz") == std::nullopt);
}

TEST_CASE("printable: control bytes cannot forge a line") {
    CHECK(printable("a\nb\"\x1b") == "a\\nb\\\"\\x1b");
    CHECK(
        printable("\xc2\x9b"
                  "31m\xc2\xa0\xc3\xa9") == "\\x9b31m\xc2\xa0\xc3\xa9"
    );
    CHECK(printable("abcdef", 3) == "abc…");
}

TEST_CASE("controls: shown, and nothing else is changed") {
    CHECK(
        show_controls("a\nb\t\"\\\x1b\u009b31m\u00e9\xff") == "a\\nb\\t\"\\\\x1b\\x9b31m\u00e9\xff"
    );
    CHECK(show_controls("a\tb\x1b", "\t") == "a\tb\\x1b");
    const std::string once = printable("a\nb\"\x1b");
    CHECK(show_controls(once) == once);
}

TEST_CASE("controls: what turns the line round, or ends it, is one; its neighbours are letters") {
    static const std::array<std::pair<unsigned, std::string_view>, 6> k_ends{{
        {0x2028, "\u2028"},
        {0x2029, "\u2029"},
        {0x202a, "\u202a"},
        {0x202e, "\u202e"},
        {0x2066, "\u2066"},
        {0x2069, "\u2069"},
    }};
    for (const auto& [code, text] : k_ends) {
        const auto control = leading_control(text);
        CAPTURE(code);
        REQUIRE(control);
        CHECK(control->code == code);
        CHECK(control->bytes == text.size());
        CHECK_FALSE(leading_control(text.substr(0, 2)));
        CHECK(find_control(text));
        CHECK_FALSE(find_refused_control(text));
    }
    CHECK(find_refused_control("\u202e\u009b")->at == 3);
    CHECK(printable("a\u202eb\u2066") == "a\\u202eb\\u2066");
    CHECK(show_controls("\u2028b\u2069") == "\\u2028b\\u2069");
    const std::string plain = "\u2027\u202f\u2065\u206a\u200d\u200f\u05d0";
    CHECK(show_controls(plain) == plain);
}

TEST_CASE("error: one line, whatever its parts have in them") {
    const Error error{Code::io, "cannot read\nthis", "no\nsuch \"file\"", "rm 'no\r'"};
    CHECK(error.text() == "no\\nsuch \"file\": cannot read\\nthis (rm 'no\\r')");
}

TEST_CASE("printable: whatever came in, UTF-8 comes out") {
    CHECK(printable("a\x9b[31m\xff\xc3") == "a\\x9b[31m\\xff\\xc3");
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80"); // a surrogate
    CHECK(printable("caf\xc3\xa9 au lait", 4) == "caf\xc3\xa9…");
    CHECK(printable("ab\xf0\x9f\x98\x80z", 3) == "ab\xf0\x9f\x98\x80…");
}

TEST_CASE("wire ids: letters, digits, - and _, at most 128") {
    CHECK(is_wire_id("thread_1-A"));
    CHECK_FALSE(is_wire_id(""));
    CHECK_FALSE(is_wire_id("a/b"));
    CHECK_FALSE(is_wire_id("a b"));
    CHECK_FALSE(is_wire_id("\u00e9"));
    CHECK(is_wire_id(std::string(128, 'a')));
    CHECK_FALSE(is_wire_id(std::string(129, 'a')));
    CHECK(is_wire_id(uuid_v7()));
    CHECK(uuid_v7() != uuid_v7());
    CHECK(random_hex(8).size() == 16);
}

TEST_CASE("trim: blanks of any script at both ends, and none within") {
    CHECK(trim_blanks("\u00a0 a\u2003b \u3000\n") == "a\u2003b");
    CHECK(trim_blanks("\u00a0\u00a0").empty());
    CHECK(trim("\u00a0") == "\u00a0");
}

TEST_CASE("media type: in lower case, without what follows it") {
    CHECK(media_type_of("Text/Event-Stream ; charset=UTF-8") == "text/event-stream");
    CHECK(media_type_of("application/jsonp") == "application/jsonp");
    CHECK(media_type_of("").empty());
}

TEST_CASE("code points: counted and cut as wholes") {
    const std::string_view text = "aé€😀";
    CHECK(code_points("") == 0);
    CHECK(code_points(text) == 4);
    CHECK(offset_of_code_point(text, 0) == 0);
    CHECK(offset_of_code_point(text, 2) == 3);
    CHECK(offset_of_code_point(text, 4) == text.size());
    CHECK(cut_at_code_point(text, 2) == "a");
    CHECK(cut_at_code_point(text, 3) == "aé");
    CHECK(cut_at_code_point(text, 9) == "aé€");
    CHECK(cut_at_code_point(text, 99) == text);
}
