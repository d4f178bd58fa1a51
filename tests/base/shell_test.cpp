#include "oa_stream/base/json_members.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;

TEST_CASE("shell: a word is quoted when a shell would take it for anything else") {
    struct Row {
        std::string_view word;
        std::string_view quoted;
    };
    constexpr std::array k_rows{
        Row{"/var/lib/oa-stream", "/var/lib/oa-stream"},
        Row{"env:TOKEN", "env:TOKEN"},
        Row{"", "''"},
        Row{"/tmp/sp ace", "'/tmp/sp ace'"},
        Row{"it's", R"('it'\''s')"},
        Row{"a;b", "'a;b'"},
        Row{"$HOME", "'$HOME'"},
        Row{"~/x", "'~/x'"},
        Row{"http://h/?a=1&b=2", "'http://h/?a=1&b=2'"},
    };
    for (const Row& row : k_rows) {
        CHECK(shell_word(row.word) == row.quoted);
    }
    CHECK(less("/sp ace/report.md").text() == "less '/sp ace/report.md'");
}

TEST_CASE("suggestion: each argument is one word for a shell, whatever stands in it") {
    const Suggestion clear{"route clear", {"--auth", "file:/etc/my token", "--domain", "a;b"}};
    CHECK(clear.text() == "oa-stream route clear --auth 'file:/etc/my token' --domain 'a;b'");
    const Suggestion doctor{"doctor"};
    CHECK(advice_to_do_all({doctor, clear}) == "oa-stream doctor && " + clear.text());
    CHECK(advice_to_do_all({}).empty());
    CHECK(Suggestion{"route set", {std::string(k_fill_in)}}.text() == "oa-stream route set …");
    CHECK(
        Suggestion{"runs list", {}, {"--state-dir", "/a b"}}.text() ==
        "oa-stream --state-dir '/a b' runs list"
    );
    CHECK(follow("/a b").text() == "tail -f '/a b'");
}

TEST_CASE("advice: prose and commands, of which each can be changed") {
    const Advice advice =
        "first " + Suggestion{"doctor"} + ", then " + Suggestion{"note", {"it's s3cret"}};
    CHECK(advice == "first oa-stream doctor, then oa-stream note 'it'\\''s s3cret'");
    CHECK(Advice("").empty());
    CHECK(Advice().text().empty());
    CHECK(("" + advice).parts().size() == advice.parts().size());
    const Advice here = advice.with_commands([](Suggestion& one) { one.globals = {"-q"}; });
    CHECK(here == "first oa-stream -q doctor, then oa-stream -q note 'it'\\''s s3cret'");
    const Advice clean = here.with_texts([](std::string_view text) {
        return text.contains("s3cret") ? std::string("***") : std::string(text);
    });
    CHECK(clean == "first oa-stream -q doctor, then oa-stream -q note '***'");
}

TEST_CASE("advice: a file keeps it as text and as parts, and gives it back") {
    Json kept;
    put_advice(kept, "next", "it died: " + Suggestion{"runs show", {"R"}, {"--state-dir", "D"}});
    CHECK(kept["next"] == "it died: oa-stream --state-dir D runs show R");
    CHECK(kept["next_parts"][0] == "it died: ");
    CHECK(kept["next_parts"][1]["arguments"] == Json::array({"R"}));
    const Advice back = advice_in(kept, "next");
    CHECK(back == text_in(kept, "next"));
    const auto quiet = back.with_commands([](Suggestion& one) { one.globals = {"-q"}; });
    CHECK(quiet == "it died: oa-stream -q runs show R");

    kept["next"] = "somebody changed the text"; // the parts are no longer of it
    CHECK(advice_in(kept, "next") == "somebody changed the text");
    Json prose;
    put_advice(prose, "next", "wait");
    CHECK(prose == Json{{"next", "wait"}});
    CHECK(advice_in(prose, "next") == "wait");
    CHECK(advice_in(Json::object(), "next").empty());
}

TEST_CASE("advice: text of an earlier release is a command when it begins as one") {
    const auto read = [](const char* text) {
        return advice_in({{"next", text}}, "next").with_commands([](Suggestion& one) {
            one.globals = {one.program == "oa-stream" ? "-q" : "--"};
        });
    };
    CHECK(read("oa-stream rollback apply --run R") == "oa-stream -q rollback apply --run R");
    CHECK(read("less '/oa-stream runs'") == "less -- '/oa-stream runs'");
    CHECK(read("").empty());
    CHECK(
        read("oa-stream route set --domain 'a && b' && oa-stream route clear --domain 'it'\\''s'"
        ) ==
        "oa-stream -q route set --domain 'a && b' && oa-stream -q route clear --domain 'it'\\''s'"
    );
    CHECK(
        read("oa-stream rollback apply --run R; by hand: gcloud run \"x\"") ==
        "oa-stream -q rollback apply --run R; by hand: gcloud run \"x\""
    );
    CHECK(read("wait && ") == "wait && ");

    const auto files_of = [](const char* text) { // what moved with its folder can be named again
        std::vector<std::string> out;
        (void)advice_in({{"next", text}}, "next").with_commands([&out](Suggestion& one) {
            out.insert(out.end(), one.arguments.begin(), one.arguments.end());
        });
        return out;
    };
    CHECK(files_of("less '/o ld/R/report.md'") == std::vector<std::string>{"/o ld/R/report.md"});
    CHECK(
        files_of("oa-stream check --headers /a/x.head /a/x.sse") ==
        std::vector<std::string>{"--headers", "/a/x.head", "/a/x.sse"}
    );
}
