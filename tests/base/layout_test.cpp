#include "oa_stream/base/layout.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;

TEST_CASE("a line is broken between words, and a long word is left whole") {
    struct Row {
        std::string_view line;
        std::size_t columns;
        std::size_t indent;
        std::string_view expected;
    };
    const auto row = GENERATE(
        Row{"short", 10, 2, "short"},
        Row{"exactly ten", 11, 2, "exactly ten"},
        Row{"one two three", 7, 2, "one two\n  three"},
        Row{"one two three", 8, 2, "one two\n  three"},
        Row{"one two three", 6, 0, "one\ntwo three"},
        Row{"  one  two", 6, 2, "  one\n  two"},
        Row{"/a/path/that/is/long", 6, 2, "/a/path/that/is/long"},
        Row{"go /a/path/that/is/long on", 6, 2, "go\n  /a/path/that/is/long\n  on"},
        Row{"≤≤≤≤ ≤≤", 7, 2, "≤≤≤≤ ≤≤"},
        Row{"≤≤≤≤ ≤≤≤", 7, 2, "≤≤≤≤\n  ≤≤≤"},
        Row{"\u65e5\u672c \u8a9e", 6, 2, "\u65e5\u672c\n  \u8a9e"},
        Row{"\u65e5\u672c \u8a9e", 7, 2, "\u65e5\u672c \u8a9e"},
        Row{"e\u0301e\u0301 e\u0301", 4, 2, "e\u0301e\u0301 e\u0301"},
        Row{"      ", 3, 2, "      "},
        Row{"", 3, 2, ""}
    );
    CAPTURE(row.line, row.columns);
    CHECK(wrapped(row.line, row.columns, row.indent) == row.expected);
}

TEST_CASE("cut text says that it was cut, and never within a character") {
    CHECK(cut_to("word", 4) == "word");
    CHECK(cut_to("words", 4) == "wor…");
    CHECK(cut_to("≤≤≤≤≤", 4) == "≤≤≤…");
    CHECK(columns_of(cut_to("≤≤≤≤≤", 4)) == 4);
    CHECK(cut_to("\u65e5\u672c\u8a9e", 5) == "\u65e5\u672c…");
    CHECK(cut_to("\u65e5\u672c\u8a9e", 4) == "\u65e5…");
    CHECK(cut_to("\u65e5\u672c\u8a9e", 6) == "\u65e5\u672c\u8a9e");
}

TEST_CASE("columns: an East Asian letter or a picture takes two, a mark on a letter none") {
    CHECK(columns_of("caf\u00e9 \u2264 \u2026") == 8);
    CHECK(columns_of("\u65e5\uff21\U0001f680\uac00") == 8);
    CHECK(columns_of("e\u0301\u200b") == 1);
    CHECK(columns_of("\xff\xe6") == 2); // not UTF-8
}

TEST_CASE("a row goes on below its last column where that leaves room, else its second") {
    CHECK(
        laid_out("  a  b  one two three four five six seven eight nine", {.columns = 48}) ==
        "  a  b  one two three four five six seven eight\n        nine"
    );
    CHECK(
        laid_out("  a  b  one two three four five six seven eight nine", {.columns = 47}) ==
        "  a  b  one two three four five six seven eight\n     nine"
    );
    CHECK(
        laid_out("  FAIL  error-rate  bad rate beyond the limit\nnext row\n", {.columns = 24}) ==
        "  FAIL  error-rate  bad\n        rate beyond the\n        limit\nnext row\n"
    );
    // What was put below the last column stays with the rest of it.
    const std::string_view fixed = "  PASS  a.long.name  ok\n                     fix: type this\n";
    CHECK(laid_out(fixed, {.columns = 35}) == fixed);
    CHECK(laid_out(fixed, {}) == fixed);
    CHECK(laid_out(fixed, {.columns = 34}) == "  PASS  a.long.name  ok\n        fix: type this\n");
    CHECK(
        laid_out("a  b  c\n             apart from it\n", {.columns = 20}) ==
        "a  b  c\n             apart\n               from it\n"
    );
    CHECK(laid_out("plain words here", {.columns = 12}) == "plain words\n  here");
    CHECK(laid_out("caf\xc3\xa9 \xff\xc3 \x1b[31m\n", {}) == "caf\xc3\xa9 \\xff\\xc3 \\x1b[31m\n");
    CHECK(laid_out("as wide as it likes to be", {}) == "as wide as it likes to be");
}

TEST_CASE("a verdict is painted where it stands as one, after the line was broken") {
    const Layout wide{.columns = 80, .colour = true};
    CHECK(laid_out("  PASS  x", wide) == "  \x1b[32mPASS\x1b[0m  x");
    CHECK(laid_out("FAIL run r", wide) == "\x1b[1;31mFAIL\x1b[0m run r");
    CHECK(laid_out("25%  1/2  ERROR", wide) == "25%  1/2  \x1b[1;31mERROR\x1b[0m");
    CHECK(laid_out("INCONCLUSIVE", wide) == "\x1b[33mINCONCLUSIVE\x1b[0m");
    CHECK(laid_out("SKIPPED  why", wide) == "SKIPPED  why");
    CHECK(laid_out("it would FAIL here", wide) == "it would FAIL here");
    CHECK(laid_out("PASSED  x", wide) == "PASSED  x");
    CHECK(
        laid_out("PASS  a b", {.columns = 7, .colour = true}) == "\x1b[32mPASS\x1b[0m  a\n      b"
    );
    CHECK(laid_out("  PASS  x", {.columns = 80}) == "  PASS  x");
}

TEST_CASE("what others wrote steers no terminal") {
    CHECK(laid_out("a \x1b[31mb\x07\n\tc", {}) == "a \\x1b[31mb\\x07\n\tc");
    CHECK(laid_out("a\u202eb", {}) == "a\\u202eb");
    CHECK(
        laid_out(
            "a\xc2\x9b"
            "b",
            {.columns = 80}
        ) == "a\\x9bb"
    );
    CHECK(
        laid_out("  PASS  \x1b[0m", {.columns = 80, .colour = true}) ==
        "  \x1b[32mPASS\x1b[0m  \\x1b[0m"
    );
}
