#include "oa_stream/base/json.hpp"
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
        Row{"bearer, more spaces", "a bearer   abcdefgh1234", "a bearer   ************"},
        Row{"key", "key=sk-abcdefghijkl end", "key=*************** end"},
        Row{"task is no key", "ask-abcdefghijkl", "ask-abcdefghijkl"},
        Row{"query token", "GET /x?token=abc&y=1", "GET /x?token=***&y=1"},
        Row{"cookie", "cookie: a=b; c=d\nnext", "cookie: ********\nnext"},
        Row{"key after an escaped line break", R"("\nsk-abcdefghijkl")", R"("\n***************")"},
        Row{"cookie within JSON", R"({"a":"cookie: x=\"y\""})", R"({"a":"cookie: **\"*\""})"},
        Row{"member", R"({"password":"hunter2hunter2"})", R"({"password":"**************"})"},
        Row{"member within a string",
            R"({"b":"{\"token\": \"abcdefgh\"}"})",
            R"({"b":"{\"token\": \"********\"}"})"},
        Row{"a number is no secret", R"({"token":1234567890})", R"({"token":1234567890})"},
        Row{"a reference tells where",
            R"({"token":"env:AUTH_TOKEN"})",
            R"({"token":"env:AUTH_TOKEN"})"},
        Row{"URL", "https://me:pass@host/x@y", "https://me:****@host/x@y"},
        Row{"port", "https://host:8080/a@b", "https://host:8080/a@b"},
        Row{"private key",
            "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkq\\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\\n****************\\n-----END PRIVATE KEY-----"},
        Row{"stars", "Bearer ******** cookie: ****", "Bearer ******** cookie: ****"},
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
    for (const std::string form :
         {"p@ss\"word/9 x",
          "p%40ss%22word%2F9%20x",
          "p%40ss%22word%2f9+x",
          "p@ss\\\"word/9 x",
          "p@ss\\\\\\\"word\\/9 x",
          "p\\u0040ss\\u0022word/9 x"}) {
        CAPTURE(form);
        CHECK(redactor.apply("<" + form + ">") == "<" + std::string(form.size(), '*') + ">");
    }
    struct Row {
        const char* base64;
        const char* inner; ///< what only the secret can have made
    };
    for (const Row row : // of the secret after "user:", "usr:" and "us:"
         {Row{"dXNlcjpwQHNzIndvcmQvOSB4", "QHNzIndvcmQv"},
          Row{"dXNyOnBAc3Mid29yZC85IHg=", "c3Mid29yZC85"},
          Row{"dXM6cEBzcyJ3b3JkLzkgeA==", "cEBzcyJ3b3Jk"}}) {
        CAPTURE(row.base64);
        REQUIRE(std::string_view(row.base64).contains(row.inner));
        CHECK_FALSE(redactor.apply(row.base64).contains(row.inner));
    }
}

TEST_CASE("redaction: each level of JSON doubles a secret's backslashes") {
    const std::string secret = R"(one\two\"three"\)";
    Redactor redactor;
    redactor.add_known(Secret(secret));
    std::string form = secret;
    for (int level = 0; level < 4; ++level) {
        CAPTURE(form);
        CHECK(redactor.apply("<" + form + ">") == "<" + std::string(form.size(), '*') + ">");
        const std::string quoted = dump_json(Json(form));
        form = quoted.substr(1, quoted.size() - 2);
    }
}

TEST_CASE("redaction: a text that was cut within a secret does not tell its beginning") {
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery"));
    CHECK(redactor.apply("saw correct-horse…") == "saw *************…");
    CHECK(redactor.apply("saw correct%2Dhorse…") == "saw ***************…");
    CHECK(redactor.apply("correct…") == "correct…");
    CHECK(redactor.apply("correct-horse power") == "correct-horse power");
    redactor.add_known(Secret("p\x01ss-w\xffrd"));
    CHECK(redactor.apply("p\\x01ss-w\\xffrd") == std::string(15, '*'));
}

TEST_CASE("redaction: a place is told by kind, never by value, and is not found twice") {
    Redactor redactor;
    redactor.add_known(Secret("correct-horse"), "AUTH_TOKEN");
    const std::string text = "a\nx correct-horse Bearer abcdefgh";
    const auto found = redactor.find(text);
    REQUIRE(found.size() == 2);
    CHECK(found[0].kind == "known secret AUTH_TOKEN");
    CHECK(found[0].offset == 4);
    CHECK(found[0].length == 13);
    CHECK(found[1].kind == "bearer token");
    CHECK(redactor.find(redactor.apply(text)).empty());
}

TEST_CASE("redaction: an escape that a secret seems to begin in stays whole") {
    Redactor redactor;
    redactor.add_known(Secret("nabcdefgh"));
    CHECK(redactor.apply(R"({"t":"\nabcdefgh"})") == R"({"t":"\n********"})");
}

TEST_CASE("redaction: what is split over deltas of one part is found where it is joined") {
    Redactor redactor;
    redactor.add_known(Secret("split-secret-1"));
    struct Row {
        const char* name;
        std::string in;
        std::string want;
    };
    static const std::array k_rows{
        Row{"UI stream, another part between",
            R"(data: {"type":"text-delta","id":"a","delta":"x split-"}

data: {"type":"text-delta","id":"b","delta":"harmless"}

data: {"type":"text-delta","id":"a","delta":"secret-1 y"}
)",
            R"(data: {"type":"text-delta","id":"a","delta":"x ******"}

data: {"type":"text-delta","id":"b","delta":"harmless"}

data: {"type":"text-delta","id":"a","delta":"******** y"}
)"},
        Row{"chat completions",
            R"(data: {"id":"c","choices":[{"delta":{"content":"split-sec"}}]}
data: {"id":"c","choices":[{"delta":{"content":"ret-1"}}]})",
            R"(data: {"id":"c","choices":[{"delta":{"content":"*********"}}]}
data: {"id":"c","choices":[{"delta":{"content":"*****"}}]})"},
        Row{"a shape that nobody told of",
            R"(data: {"type":"text-delta","id":"a","delta":"Bear"}
data: {"type":"text-delta","id":"a","delta":"er abcd"}
data: {"type":"text-delta","id":"a","delta":"efgh."})",
            R"(data: {"type":"text-delta","id":"a","delta":"Bear"}
data: {"type":"text-delta","id":"a","delta":"er ****"}
data: {"type":"text-delta","id":"a","delta":"*****"})"},
        Row{"other parts are not joined",
            R"(data: {"type":"text-delta","id":"a","delta":"split-"}
data: {"type":"text-delta","id":"b","delta":"secret-1"})",
            R"(data: {"type":"text-delta","id":"a","delta":"split-"}
data: {"type":"text-delta","id":"b","delta":"secret-1"})"},
        Row{"a torn last line",
            R"(data: {"type":"text-delta","id":"a","delta":"split-secret-1\)",
            R"(data: {"type":"text-delta","id":"a","delta":"**************\)"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        CHECK(redactor.apply_stream(row.in) == row.want);
        CHECK(redactor.find_stream(row.want).empty());
    }
}

TEST_CASE("redaction: secrets under eight bytes are ignored") {
    Redactor redactor;
    redactor.add_known(Secret("abc"));
    CHECK(redactor.apply("abcdef") == "abcdef");
}
