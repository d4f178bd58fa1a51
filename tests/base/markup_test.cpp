#include "oa_stream/base/markup.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;

namespace {

struct Row {
    std::string_view name;
    std::string_view text;
    std::string_view report;
    std::string_view issue;
};
constexpr std::array k_markdown_rows{
    Row{"plain words", "p95 1.2 s < 2 s", R"(p95 1.2 s \< 2 s)", R"(p95 1.2 s \< 2 s)"},
    Row{"a tag", "<img src=x>", R"(\<img src=x>)", R"(\<img src=x>)"},
    Row{"a backslash before a tag", R"(\<img>)", R"(\\&lt;img>)", R"(\\&lt;img>)"},
    Row{"two of them", R"(\\<img>)", R"(\\\\&lt;img>)", R"(\\\\&lt;img>)"},
    Row{"a tag after a link", "http://a/<b>", "http://a/&lt;b>", "http://a/&lt;b>"},
    Row{"a backslash before a code span", R"(\`a`)", R"(\\\`a\`)", R"(\\\`a\`)"},
    Row{"one that is shown as it is", R"(a\nb)", R"(a\nb)", R"(a\nb)"},
    Row{"one at the end", R"(a\)", R"(a\\)", R"(a\\)"},
    Row{"a link", "[a](http://b)", R"([a\](http://b))", R"(\[a\](http://b))"},
    Row{"an entity",
        "&lt;b &#64;c a=1&b=2",
        R"(\&lt;b \&#64;c a=1&b=2)",
        R"(\&lt;b \&#64;c a=1&b=2)"},
    Row{"emphasis", "*a* ~b~ c_d", "*a* ~b~ c_d", R"(\*a\* \~b\~ c\_d)"},
    Row{"a mention", "ask @ann", "ask @ann", "ask @&#8203;ann"},
    Row{"a mention at once", "@ann", "@ann", "@&#8203;ann"},
    Row{"no mention", "gate.x@5% a_@b", "gate.x@5% a_@b", R"(gate.x@5% a\_@b)"},
    Row{"lines", "a\nb\r\tc", "a b  c", "a b  c"},
};

} // namespace

TEST_CASE("markdown: text of others is shown as it is, and in an issue calls nobody") {
    for (const Row& row : k_markdown_rows) {
        CAPTURE(row.name);
        CHECK(markdown_text(row.text) == row.report);
        CHECK(markdown_text(row.text, MarkdownFor::issue) == row.issue);
    }
}

TEST_CASE("markdown: no backslash of a text frees the pipe that ends its cell") {
    CHECK(markdown_cell(R"(a|b \| c)") == R"(a\|b \\\| c)");
    CHECK(markdown_cell(R"(a\)", MarkdownFor::issue) == R"(a\\)");
}
