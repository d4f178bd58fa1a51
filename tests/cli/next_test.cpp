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
    context.state_words = " --state-dir '/sp ace'";
    return context;
}

} // namespace

TEST_CASE("next: a command that works on runs is told where they are, once") {
    struct Row {
        std::string_view told;
        std::string_view typed;
    };
    constexpr std::array k_rows{
        Row{"oa-stream rollback apply --run R",
            "oa-stream --state-dir '/sp ace' rollback apply --run R"},
        Row{"oa-stream doctor", "oa-stream --state-dir '/sp ace' doctor"},
        Row{"next: oa-stream runs show R", "next: oa-stream --state-dir '/sp ace' runs show R"},
        Row{"it died: oa-stream runs show R; oa-stream note x",
            "it died: oa-stream --state-dir '/sp ace' runs show R; oa-stream --state-dir '/sp ace' "
            "note x"},
        Row{"oa-stream --state-dir /a runs list", "oa-stream --state-dir /a runs list"},
        Row{"oa-stream check --headers a b", "oa-stream check --headers a b"},
        Row{"oa-stream route restore R --apply",
            "oa-stream --state-dir '/sp ace' route restore R --apply"},
        Row{"oa-stream rollback, then", "oa-stream --state-dir '/sp ace' rollback, then"},
        Row{"oa-stream runs2", "oa-stream runs2"},
        Row{"oa-stream slo rules --out F", "oa-stream slo rules --out F"},
        Row{"oa-stream incident verify B", "oa-stream incident verify B"},
        Row{"oa-stream runs list --help", "oa-stream runs list --help"},
        Row{"less /var/lib/oa-stream/runs/R/report.md", "less /var/lib/oa-stream/runs/R/report.md"},
        Row{"less '/my/oa-stream runs/R'", "less '/my/oa-stream runs/R'"},
        Row{"'oa-stream runs show R' shows it",
            "'oa-stream --state-dir '/sp ace' runs show R' shows it"},
        Row{"oa-stream smoke stream --prompt 'how do I run oa-stream smoke stream here?'",
            "oa-stream --state-dir '/sp ace' smoke stream --prompt 'how do I run oa-stream smoke "
            "stream here?'"},
        Row{"oa-stream smoke stream --prompt 'what is --state-dir for?'",
            "oa-stream --state-dir '/sp ace' smoke stream --prompt 'what is --state-dir for?'"},
        Row{R"(oa-stream smoke stream --prompt 'it'\''s oa-stream runs list' ; oa-stream doctor)",
            "oa-stream --state-dir '/sp ace' smoke stream --prompt 'it'\\''s oa-stream runs list' "
            "; oa-stream --state-dir '/sp ace' doctor"},
        Row{"", ""},
    };
    for (const Row& row : k_rows) {
        CHECK(typed_here(row.told, elsewhere()) == row.typed);
        CHECK(typed_here(row.typed, elsewhere()) == row.typed);
        CHECK(typed_here(row.told, Context{}) == row.told);
    }
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
        typed.with("--no-probes") == "oa-stream smoke stream --base-url 'http://h/?a&b' --auth "
                                     "'file:my token' --connect-to 127.0.0.1:1 --no-probes --abort"
    );
    CHECK(typed.without("--connect-to").contains("token' --abort"));
    CHECK(typed.with("--auth", "env:NAME").contains(" --auth env:NAME --connect-to"));
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
    CHECK(in_folder("less /var/lib/runs/R/report.md", now) == "less '/sp ace/R/report.md'");
    CHECK(in_folder("less '/o ld/R/report.md'", now) == "less '/sp ace/R/report.md'");
    CHECK(
        in_folder("oa-stream check --headers /a/R/s/x.head /a/R/s/x.sse", "/b/R") ==
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
