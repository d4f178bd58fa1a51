#include "oa_stream/base/json.hpp"
#include "oa_stream/base/redact.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cstdlib>

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
        Row{"task is not a key", "ask-abcdefghijkl", "ask-abcdefghijkl"},
        Row{"query token", "GET /x?token=abc&y=1", "GET /x?token=***&y=1"},
        Row{"query token, percent-encoded",
            "?token=abcd%2Befgh%zz&y=1#z",
            "?token=**************&y=1#z"},
        Row{"query password as a browser leaves it",
            "?password=hunter!2-l'x",
            "?password=**********'x"},
        Row{"query token within JSON",
            R"({"url":"?token=ab\/c\u002Bd\u00e9\u0026y=1","b":"?secret=x\"y"})",
            R"({"url":"?token=******************\u0026y=1","b":"?secret=*\"y"})"},
        Row{"query token in prose",
            "(token=abc, api_key=a,b): <i>secret=x</i> `password=y` token=… token=<T>",
            "(token=***, api_key=***): <i>secret=*</i> `password=*` token=… token=<T>"},
        Row{"query, a reference tells where", "password=env:X secret=x", "password=env:X secret=*"},
        Row{"cookie", "cookie: a=b; c=d\nnext", "cookie: ********\nnext"},
        Row{"key after an escaped line break", R"("\nsk-abcdefghijkl")", R"("\n***************")"},
        Row{"cookie within JSON", R"({"a":"cookie: x=\"y\""})", R"({"a":"cookie: **\"*\""})"},
        Row{"member", R"({"password":"hunter2hunter2"})", R"({"password":"**************"})"},
        Row{"member within a string",
            R"({"b":"{\"token\": \"abcdefgh\"}"})",
            R"({"b":"{\"token\": \"********\"}"})"},
        Row{"member with escapes",
            R"({"token":"p\u0026\/\"\n\\","x":"1"},{"secret":"\\\\\\\\"})",
            R"({"token":"***************","x":"1"},{"secret":"********"})"},
        Row{"member with escapes within a string",
            R"({"b":"{\"token\": \"ab\\\"cd\\\\\",\"x\":1}","c":"1"})",
            R"({"b":"{\"token\": \"************\",\"x\":1}","c":"1"})"},
        Row{"member of a string that was cut",
            R"({"b":"{\"token\": \"abcdefgh","c":"1"})",
            R"({"b":"{\"token\": \"********","c":"1"})"},
        Row{"short member",
            R"({"token":"abc\"def","x":"12345678"})",
            R"({"token":"********","x":"12345678"})"},
        Row{"a number is no secret", R"({"token":1234567890})", R"({"token":1234567890})"},
        Row{"a reference tells where",
            R"({"token":"env:AUTH_TOKEN"})",
            R"({"token":"env:AUTH_TOKEN"})"},
        Row{"URL", "https://me:pass@host/x@y", "https://me:****@host/x@y"},
        Row{"port", "https://host:8080/a@b", "https://host:8080/a@b"},
        Row{"private key",
            "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkq\\n-----END PRIVATE KEY-----",
            "-----BEGIN PRIVATE KEY-----\\n****************\\n-----END PRIVATE KEY-----"},
        Row{"cookie without a space",
            "Set-Cookie:sid=abc; Path=/\nx",
            "Set-Cookie:***************\nx"},
        Row{"cookie after a tab", "Cookie:\ta=b", "Cookie:\t***"},
        Row{"cookie after an escaped tab", R"("Cookie:\ta=b")", R"("Cookie:\t***")"},
        Row{"no cookie: a host and a port",
            "http://cookie:8080/x?a=b and std::cookie::name=1",
            "http://cookie:8080/x?a=b and std::cookie::name=1"},
        Row{"cookie of a removed line", "--Cookie: a=b", "--Cookie: ***"},
        Row{"cookie behind an option", "--x-cookie: a=b", "--x-cookie: ***"},
        Row{"cookie of an answer", "< Set-Cookie: a=b", "< Set-Cookie: ***"},
        Row{"no cookie: an option",
            "oa-stream: --maintenance-cookie: environment variable X is not set",
            "oa-stream: --maintenance-cookie: environment variable X is not set"},
        Row{"no cookie: a key of YAML", "cookie:\n  name: x", "cookie:\n  name: x"},
        Row{"bearer after a tab",
            "Authorization:\tBearer\tabcdefgh1234",
            "Authorization:\tBearer\t************"},
        Row{"bearer after an escaped tab", R"(Bearer\tabcdefgh1234)", R"(Bearer\t************)"},
        Row{"basic after a tab", "Basic\tdXNlcjpwYXNz", "Basic\t************"},
        Row{"no bearer without a blank", "bearer-certificates", "bearer-certificates"},
        Row{"URL with escaped slashes",
            R"({"url":"https:\/\/user:PHPsecret99@host\/x"})",
            R"({"url":"https:\/\/user:***********@host\/x"})"},
        Row{"URL with slashes escaped twice",
            R"("{\"url\":\"https:\\/\\/u:pass@host\\/x\"}")",
            R"("{\"url\":\"https:\\/\\/u:****@host\\/x\"}")"},
        Row{"URL with slashes as code points",
            R"(https:\u002f\u002Fu:pass@host)",
            R"(https:\u002f\u002Fu:****@host)"},
        Row{"no URL: one slash", "a:/b:c@d x:\\/b:c@d", "a:/b:c@d x:\\/b:c@d"},
        Row{"PGP key",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nMIIEvQIBADANBgkq\n=abc\n-----END PGP PRIVATE "
            "KEY BLOCK-----\nabcdefghijklmnopqrst",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n****************\n=abc\n-----END PGP PRIVATE "
            "KEY BLOCK-----\nabcdefghijklmnopqrst"},
        Row{"no key: a public one",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\nMIIEvQIBADANBgkq",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\nMIIEvQIBADANBgkq"},
        Row{"no key: words",
            "a private key block of 123456789012345678",
            "a private key block of 123456789012345678"},
        Row{"GitHub, by an app", "ghu_0123456789abcdef", "********************"},
        Row{"GitLab", "glpat-0123456789_abcdef", "***********************"},
        Row{"AWS, for a while", "id ASIA0123456789ABCDEF.", "id ********************."},
        Row{"Hugging Face", "hf_0123456789abcdefghij0123456789", "*********************************"
        },
        Row{"npm",
            "//r/:_authToken=npm_0123456789abcdefghij0123456789abcdef",
            "//r/:_authToken=****************************************"},
        Row{"no keys: words that begin so",
            "asia-northeast1-docker.pkg.dev ASIA-PACIFIC-REGION-ONE ASIAPACIFICREGIONALSALES "
            "HF_HUB_ENABLE_HF_TRANSFER_FOR_ALL_OF_US npm_config_registry_url_of_the_project_here "
            "glpat-short ghu_short",
            "asia-northeast1-docker.pkg.dev ASIA-PACIFIC-REGION-ONE ASIAPACIFICREGIONALSALES "
            "HF_HUB_ENABLE_HF_TRANSFER_FOR_ALL_OF_US npm_config_registry_url_of_the_project_here "
            "glpat-short ghu_short"},
        Row{"stars", "Bearer ******** cookie: ****", "Bearer ******** cookie: ****"},
        Row{"prose", "the bearer of news", "the bearer of news"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const std::string got = Redactor{}.apply(row.in);
        CHECK(got == row.want);
        CHECK(got.size() == row.in.size());
        CHECK(Redactor{}.find(got).empty());
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

TEST_CASE("redaction: base64 of a known secret may be wrapped; its line breaks stay") {
    Redactor redactor;
    redactor.add_known(Secret("correct-horse-battery")); // Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5
    struct Row {
        const char* name;
        const char* in;
        const char* want;
    };
    for (const Row& row : {
             Row{"newline",
                 "x Y29ycmVjdC1ob3Jz\nZS1iYXR0ZXJ5 y",
                 "x ****************\n************ y"},
             Row{"CR and newline",
                 "Y29ycm\r\nVjdC1ob3JzZS1iYXR0ZXJ5",
                 "******\r\n**********************"},
             Row{"indented",
                 "Y29ycmVjdC1ob3Jz\n   ZS1iYXR0ZXJ5",
                 "****************\n   ************"},
             Row{"often", "Y29ycmVj\ndC1ob3Jz\nZS1iYXR0\nZXJ5", "********\n********\n********\n****"
             },
             Row{"in JSON",
                 R"("Y29ycmVjdC1ob3Jz\nZS1iYXR0ZXJ5")",
                 R"("****************\n************")"},
             Row{"in JSON in JSON",
                 R"(Y29ycmVjdC1ob3Jz\\r\\nZS1iYXR0ZXJ5)",
                 R"(****************\\r\\n************)"},
             Row{"code points",
                 R"(Y29ycmVjdC1ob3Jz\u000aZS1iYXR0ZXJ5)",
                 R"(****************\u000a************)"},
             Row{"percent",
                 "Y29ycmVjdC1ob3Jz%0D%0AZS1iYXR0ZXJ5",
                 "****************%0D%0A************"},
             Row{"other text", "Y29ycmVjdC1ob3Jz\nand more", "Y29ycmVjdC1ob3Jz\nand more"},
             Row{"a known secret itself is not wrapped",
                 "correct-horse-\nbattery",
                 "correct-horse-\nbattery"},
         }) {
        CAPTURE(row.name);
        CHECK(redactor.apply(row.in) == row.want);
        CHECK(redactor.find(row.want).empty());
    }
}

TEST_CASE("redaction: a known secret is found where every character is a code point") {
    struct Row {
        const char* secret;
        const char* in;
    };
    for (const Row& row : {
             Row{R"(a\b"cdefg)", R"(\u0061\u005c\u0062\u0022\u0063\u0064\u0065\u0066\u0067)"},
             Row{R"(a\b"cdefg)",
                 R"(\\u0061\\u005C\\u0062\\u0022\\u0063\\u0064\\u0065\\u0066\\u0067)"},
             Row{R"(a\b"cdefg)", R"(a\u005cb\"cdefg)"},
             Row{R"(a\\bcdefg)", R"(a\u005c\u005cbcdefg)"},
             Row{R"(a\u005cbcdefg)", R"(a\u005cbcdefg)"}, // itself
             Row{"p\xc3\xa4ssw\xc3\xb6rd\xf0\x9f\x98\x80", R"(p\u00e4ssw\u00f6rd\ud83d\ude00)"},
             Row{"p\xc3\xa4ssw\xc3\xb6rd\xf0\x9f\x98\x80", R"(p\\u00E4ssw\\u00F6rd\\uD83D\\uDE00)"},
             Row{"p\xc3\xa4ssw\xc3\xb6rd/", R"(p\u00e4ssw\u00f6rd\/)"},
         }) {
        CAPTURE(row.secret, row.in);
        Redactor redactor;
        redactor.add_known(Secret(std::string(row.secret)));
        const std::string in(row.in);
        CHECK(redactor.apply("<" + in + ">") == "<" + std::string(in.size(), '*') + ">");
    }
}

TEST_CASE("redaction: a text that is nothing but markers is looked at once") {
    // Each marker's place would cover all that follows: a place for each takes the square of this.
    constexpr std::size_t k_times = 40'000;
    Redactor redactor;
    redactor.add_known(Secret("correct\\horse"));
    for (const char* marker :
         {"cookie: ",
          "cookie:a=",
          "token=",
          "token=env:",
          "/eyj",
          "/bearer ",
          "private key-----",
          "\\",
          "://u:p",
          R"("token":"\)",
          R"(\"token\":\"env:)",
          R"(token=\u0041)"}) {
        CAPTURE(marker);
        std::string text;
        for (std::size_t i = 0; i < k_times; ++i) {
            text += marker;
        }
        std::size_t covered = 0;
        for (const Redaction& place : redactor.find(text)) {
            covered += place.length;
        }
        CHECK(covered <= 4 * text.size());
    }
}

TEST_CASE("redaction: a variable is a secret unless it is a path that is there") {
    ::setenv("OA_SLASHED_TOKEN", "/9j+base64/of+something", 1);
    ::setenv("OA_FILE_TOKEN", "/dev/null", 1);
    Redactor redactor;
    redactor.add_environment();
    ::unsetenv("OA_SLASHED_TOKEN");
    ::unsetenv("OA_FILE_TOKEN");
    CHECK(redactor.apply("x /9j+base64/of+something") == "x ***********************");
    CHECK(redactor.apply("of /dev/null") == "of /dev/null");
}

TEST_CASE("redaction: a variable is a secret in any case of its name") {
    constexpr std::array k_names{
        "TF_VAR_db_password", "npm_config__authToken", "api_key", "Cookie"
    };
    for (const char* name : k_names) {
        CAPTURE(name);
        ::setenv(name, "zq8rk2vw91", 1); // NOLINT(concurrency-mt-unsafe)
        Redactor redactor;
        redactor.add_environment();
        ::unsetenv(name); // NOLINT(concurrency-mt-unsafe)
        CHECK(redactor.apply("x zq8rk2vw91") == "x **********");
    }
    ::setenv("OA_TEST_monkey", "zq8rk2vw91", 1); // NOLINT(concurrency-mt-unsafe)
    Redactor redactor;
    redactor.add_environment();
    ::unsetenv("OA_TEST_monkey"); // NOLINT(concurrency-mt-unsafe)
    CHECK(redactor.apply("x zq8rk2vw91") == "x zq8rk2vw91");
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
        Row{"arguments of a tool call, which has a name in its first delta only",
            R"(data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":\"split-"}}]}}]}
data: {"id":"c","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"harm"},"index":1}]},"index":0}]}
data: {"id":"c","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"secret-1"},"index":0}]},"index":0}]})",
            R"(data: {"id":"c","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":\"******"}}]}}]}
data: {"id":"c","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"harm"},"index":1}]},"index":0}]}
data: {"id":"c","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"********"},"index":0}]},"index":0}]})"
        },
        Row{"arguments of a tool call without a number",
            R"(data: {"id":"c","choices":[{"delta":{"tool_calls":[{"id":"call_1","type":"function","function":{"arguments":"split-"}}]}}]}
data: {"id":"d","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"secret-1"}}]}}]})",
            R"(data: {"id":"c","choices":[{"delta":{"tool_calls":[{"id":"call_1","type":"function","function":{"arguments":"******"}}]}}]}
data: {"id":"d","choices":[{"delta":{"tool_calls":[{"function":{"arguments":"********"}}]}}]})"},
        Row{"two answers to one question",
            R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":"split-"}}]}
data: {"id":"c","choices":[{"index":1,"delta":{"content":"secret-1"}}]}
data: {"id":"c","choices":[{"index":0,"delta":{"content":"secret-1"}}]})",
            R"(data: {"id":"c","choices":[{"index":0,"delta":{"content":"******"}}]}
data: {"id":"c","choices":[{"index":1,"delta":{"content":"secret-1"}}]}
data: {"id":"c","choices":[{"index":0,"delta":{"content":"********"}}]})"},
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
        std::string out = row.in;
        for (const Redaction& place : redactor.find_stream(row.in)) {
            out.replace(place.offset, place.length, place.length, '*');
        }
        CHECK(out == row.want);
        CHECK(redactor.find_stream(row.want).empty());
    }
}

TEST_CASE("redaction: secrets under eight bytes are ignored") {
    Redactor redactor;
    redactor.add_known(Secret("abc"));
    CHECK(redactor.apply("abcdef") == "abcdef");
}
