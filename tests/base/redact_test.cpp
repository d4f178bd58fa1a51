#include "oa_stream/base/redact.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;

TEST_CASE("redaction: known shapes are blanked, length kept, plain words survive") {
    struct Row {
        const char* name;
        std::string in;
        std::string want;
    };
    static const std::array k_rows{
        Row{"bearer", "Authorization: Bearer abcdefgh1234", "Authorization: Bearer ************"},
        Row{"key", "key=sk-abcdefghijkl end", "key=*************** end"},
        Row{"task is no key", "ask-abcdefghijkl", "ask-abcdefghijkl"},
        Row{"query token", "GET /x?token=abc&y=1", "GET /x?token=***&y=1"},
        Row{"cookie", "cookie: a=b; c=d\nnext", "cookie: ********\nnext"},
        Row{"prose", "the bearer of news", "the bearer of news"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const std::string got = Redactor{}.apply(row.in);
        CHECK(got == row.want);
        CHECK(got.size() == row.in.size());
    }
}

TEST_CASE("redaction: a known secret disappears in every form it may take") {
    Redactor redactor;
    redactor.add_known(Secret("p@ss\"word/9 x"));
    for (const std::string form : {"p@ss\"word/9 x", "p%40ss%22word%2F9%20x", "p@ss\\\"word/9 x"}) {
        CAPTURE(form);
        CHECK(redactor.apply("<" + form + ">") == "<" + std::string(form.size(), '*') + ">");
    }
    const std::string base64 = "dXNlcjpwQHNzIndvcmQvOSB4"; // base64 of user:p@ss"word/9 x
    CHECK_FALSE(redactor.apply(base64).contains("QHNzIndvcmQv"));
}

TEST_CASE("redaction: secrets under eight bytes are ignored") {
    Redactor redactor;
    redactor.add_known(Secret("abc"));
    CHECK(redactor.apply("abcdef") == "abcdef");
}
