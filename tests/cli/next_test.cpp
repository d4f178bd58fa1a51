#include "oa_stream/net/http_client.hpp"

#include "core/commands.hpp"
#include "core/suggestion.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

Context elsewhere() {
    Context context;
    context.state_words = {"--state-dir", "/sp ace"};
    return context;
}

} // namespace

TEST_CASE("next: a command that works on runs gets the state directory, once") {
    struct Row {
        Suggestion given;
        std::string_view typed;
    };
    const std::array rows{
        Row{{"rollback apply", {"--run", "R"}},
            "oa-stream --state-dir '/sp ace' rollback apply --run R"},
        Row{{"doctor"}, "oa-stream --state-dir '/sp ace' doctor"},
        Row{{"runs show R"}, "oa-stream --state-dir '/sp ace' runs show R"}, // of an old file
        Row{{"rollback"}, "oa-stream --state-dir '/sp ace' rollback"},
        Row{{"runs list", {}, {"--state-dir", "/a"}}, "oa-stream --state-dir /a runs list"},
        Row{{"runs list", {"--state-dir", "/a"}}, "oa-stream runs list --state-dir /a"},
        Row{{"check", {"--headers", "a", "b"}}, "oa-stream check --headers a b"},
        Row{{"runs2"}, "oa-stream runs2"},
        Row{{"slo rules", {"--out", "F"}}, "oa-stream slo rules --out F"},
        Row{{"incident verify", {"B"}}, "oa-stream incident verify B"},
        Row{{"runs list", {"--help"}}, "oa-stream runs list --help"},
        Row{{"smoke stream", {"--prompt", "what is --state-dir for? oa-stream runs list"}},
            "oa-stream --state-dir '/sp ace' smoke stream --prompt 'what is --state-dir for? "
            "oa-stream runs list'"},
        Row{less("/my/oa-stream runs/R"), "less '/my/oa-stream runs/R'"},
        Row{{"runs list", {}, {}, "sudo"}, "sudo runs list"},
    };
    for (const Row& row : rows) {
        CHECK(typed_here(row.given, elsewhere()) == row.typed);
        CHECK(typed_here(typed_here(row.given, elsewhere()), elsewhere()) == row.typed);
        CHECK(typed_here(row.given, Context{}) == row.given.text());
        CHECK(
            typed_here("a " + row.given + ".", elsewhere()) == "a " + std::string(row.typed) + "."
        );
    }
    CHECK(
        typed_here("oa-stream runs list, as prose", elsewhere()) == "oa-stream runs list, as prose"
    );
}

TEST_CASE("next: a document's commands, at any depth, and nothing else of it") {
    Json document = {
        {"next", "oa-stream runs show R"},
        {"detail", "oa-stream runs show R"},
        {"runs", {{{"next", "oa-stream runs show S"}}}},
        {"checks", {{{"data", {{"mend", "oa-stream doctor"}}}}}},
    };
    type_here(document, elsewhere());
    CHECK(document["next"] == "oa-stream --state-dir '/sp ace' runs show R");
    CHECK(document["detail"] == "oa-stream runs show R");
    CHECK(document["runs"][0]["next"] == "oa-stream --state-dir '/sp ace' runs show S");
    CHECK(document["checks"][0]["data"]["mend"] == "oa-stream --state-dir '/sp ace' doctor");
}

TEST_CASE("next: a command line once more has all that was given, quoted") {
    Typed typed{&smoke_stream_command};
    typed.args.given = {
        {"--base-url", {"http://h/?a&b"}},
        {"--auth", {"file:my token"}},
        {"--connect-to", {"127.0.0.1:1"}},
        {"--abort", {}},
        {"--of-another-command", {"x"}},
    };
    CHECK(
        typed.with("--no-probes").text() ==
        "oa-stream smoke stream --base-url 'http://h/?a&b' --auth "
        "'file:my token' --connect-to 127.0.0.1:1 --no-probes --abort"
    );
    CHECK(typed.without("--connect-to").text().contains("token' --abort"));
    CHECK(typed.with("--auth", "env:NAME").text().contains(" --auth env:NAME --connect-to"));
}

TEST_CASE("next: on a narrow terminal a command is broken so that a shell takes it as one") {
    CHECK(continued("next: oa-stream a b", 80) == "next: oa-stream a b");
    const std::string line = "next: oa-stream slo gate 'bad: http_5xx | terminal_error <= 1%' "
                             "--access-log /var/log/oa-stream/access.log --window 20m --route /api";
    CHECK(
        continued(line, 60) == "next: oa-stream slo gate \\\n"
                               "    'bad: http_5xx | terminal_error <= 1%' --access-log \\\n"
                               "    /var/log/oa-stream/access.log --window 20m --route /api"
    );
    CHECK(
        continued("next: less /a/path/that/is/long", 20) ==
        "next: less \\\n    /a/path/that/is/long"
    );
}

TEST_CASE("next: a run's files are named where its folder is now") {
    const std::filesystem::path now = "/sp ace/R";
    CHECK(in_folder(less("/var/lib/runs/R/report.md"), now) == "less '/sp ace/R/report.md'");
    CHECK(in_folder(less("/o ld/R/report.md"), now) == "less '/sp ace/R/report.md'");
    CHECK(
        in_folder(Suggestion{"check", {"--headers", "/a/R/s/x.head", "/a/R/s/x.sse"}}, "/b/R") ==
        "oa-stream check --headers /b/R/s/x.head /b/R/s/x.sse"
    );
    for (const char* as_it_was :
         {"oa-stream rollback apply --run R; by hand: echo 'a b'", "", "less /a/S/x"}) {
        CHECK(in_folder(as_it_was, now) == as_it_was);
    }
}

TEST_CASE("next: a certificate that nobody here vouches for asks for its authority") {
    Typed typed{&smoke_stream_command};
    typed.args.given = {{"--base-url", {"https://h"}}};
    using enum net::TlsTrouble;
    const std::vector<Check> failed{make_check("a", Verdict::error, "whatever it says")};
    CHECK(
        trusting(typed, failed, untrusted) ==
        "oa-stream smoke stream --base-url https://h --ca FILE"
    );
    CHECK(trusting(typed, failed, other).empty());
    CHECK(trusting(typed, {make_check("a", Verdict::pass, "")}, untrusted).empty());
}
