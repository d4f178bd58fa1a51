#include "core/parse.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

Result<Invocation> parse(std::vector<std::string> words) {
    return parse_command_line(words);
}

} // namespace

TEST_CASE("command line: a mistake gives one line with what to type instead") {
    struct Row {
        const char* name;
        std::vector<std::string> words;
        const char* message;
        const char* hint;
    };
    static const std::array k_rows{
        Row{"nothing", {}, "no command given", "oa-stream --help"},
        Row{"misspelt command",
            {"vrsion"},
            "'vrsion' is not a command",
            "did you mean 'oa-stream version'?"},
        Row{"far from any", {"zzzzzz"}, "'zzzzzz' is not a command", "oa-stream --help lists them"},
        Row{"the last word of one",
            {"promote"},
            "'promote' is not a command",
            "did you mean 'oa-stream cutover promote'?"},
        Row{"the last word of two",
            {"schema"},
            "'schema' is not a command",
            "did you mean 'oa-stream playbook schema' or 'oa-stream config schema'?"},
        Row{"half a command",
            {"smoke"},
            "smoke needs one of its commands",
            "stream, control, completions, responses"},
        Row{"half a command with an option",
            {"runs", "--json"},
            "runs needs one of its commands",
            "list, show, compare"},
        Row{"a stranger in a group",
            {"cutover", "zzzzzz"},
            "'zzzzzz' is not a command of cutover",
            "rehearse, plan, apply"},
        Row{"misspelt option without a command",
            {"--hlep"},
            "unknown option --hlep",
            "did you mean --help?"},
        Row{"option of a command before it",
            {"--base-url=http://hunter2", "watch"},
            "unknown option --base-url",
            "options of a command stand behind it"},
        Row{"no command", {"--", "version"}, "no command given", "oa-stream --help"},
        Row{"misspelt option",
            {"version", "--jsn"},
            "version: unknown option --jsn",
            "did you mean --json?"},
        Row{"option value not shown",
            {"version", "--tokn=hunter2"},
            "version: unknown option --tokn",
            ""},
        Row{"extra word",
            {"version", "x"},
            "version: unexpected argument 'x'",
            "oa-stream version --help"},
        Row{"address as a word",
            {"smoke", "stream", "http://127.0.0.1:8080"},
            "smoke stream: unexpected argument 'http://127.0.0.1:8080'",
            "an address goes behind --base-url"},
        Row{"missing value",
            {"version", "--state-dir"},
            "version: --state-dir needs a value",
            "--state-dir DIR"},
        Row{"value of a flag",
            {"runs", "gc", "--keep", "1", "--apply=false"},
            "runs gc: --apply takes no value: leave it out to turn it off",
            "oa-stream runs gc --help"},
        Row{"value of a global flag", {"version", "--json=no"}, "version: --json takes no value", ""
        },
        Row{"empty word where a plan may stand",
            {"rollback", "apply", ""},
            "rollback apply: PLAN is empty",
            "oa-stream rollback apply --help"},
        Row{"empty word among several",
            {"incident", "body", "last", ""},
            "incident body: RUN is empty",
            "oa-stream incident body --help"},
        Row{"given twice", {"version", "--state-dir", "a", "--state-dir", "b"}, "version: ", ""},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const auto parsed = parse(row.words);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == Code::usage);
        CAPTURE(parsed.error().text());
        CHECK(parsed.error().message.contains(row.message));
        CHECK(parsed.error().hint.text().contains(row.hint));
        CHECK_FALSE(parsed.error().text().contains("hunter2"));
        CHECK_FALSE(parsed.error().text().contains('\n'));
    }
}

TEST_CASE("command line: global options stand before or after others") {
    const auto parsed = parse({"version", "--json", "--state-dir=/x", "-q"});
    REQUIRE(parsed.has_value());
    CHECK(parsed->command->path == "version");
    CHECK(parsed->globals.has("--json"));
    CHECK(parsed->globals.has("--quiet"));
    CHECK(parsed->globals.all("--state-dir") == std::vector<std::string>{"/x"});
    CHECK_FALSE(parsed->globals.has("--color"));
    CHECK_FALSE(parsed->globals.has("--color"));
    const auto before = parse({"--state-dir", "/x", "-q", "version", "--json"});
    REQUIRE(before.has_value());
    CHECK(before->command->path == "version");
    CHECK(before->globals.all("--state-dir") == std::vector<std::string>{"/x"});
    CHECK(before->globals.has("--quiet"));
    CHECK_FALSE(parse({"--state-dir", "/x"}).has_value());
}

TEST_CASE("command line: help wins over whatever else is wrong") {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"version", "--bogus", "--help"}, {"--help"}, {"-h"}, {"cutover", "-h"}
         }) {
        const auto parsed = parse(words);
        REQUIRE(parsed.has_value());
        CHECK(parsed->help);
    }
    CHECK(parse({"--version"})->version);
}

TEST_CASE("command line: -- ends the options") {
    const auto file = parse({"check", "--", "answer.sse"});
    REQUIRE(file.has_value());
    CHECK(file->args.all("FILE") == std::vector<std::string>{"answer.sse"});
    const auto text = parse({"--json", "note", "--run", "last", "--", "--abort"});
    REQUIRE(text.has_value());
    CHECK(text->args.all("TEXT") == std::vector<std::string>{"--abort"});
    CHECK(text->globals.has("--json"));
    CHECK(parse({"version", "--", "--json"}).error().message.contains("unexpected argument"));
    CHECK(parse({"note", "--abort was typed"}).error().hint.text().contains("behind --"));
}

TEST_CASE("command line: a family of commands has help, and a topic is named by its words") {
    CHECK(parse({"cutover", "--help"})->family == "cutover");
    CHECK(parse({"help", "smoke", "stream"})->command->path == "help");
    const auto topic = [](std::vector<std::string> words) { return find_topic(words); };
    CHECK(topic({"smoke", "stream"})->command->path == "smoke stream");
    CHECK(topic({"smoke"})->family == "smoke");
    CHECK(topic({"smoke", "streem"}).error().hint == "did you mean 'oa-stream smoke stream'?");
    CHECK_FALSE(topic({"serve", "x"}).has_value());
    const auto more = topic({"cutover", "plan", "x"});
    CHECK(more.error().message == "'cutover plan x' is not a command");
    CHECK(more.error().hint == "did you mean 'oa-stream cutover plan'?");
}

TEST_CASE("command line: words that people try lead to the command that they look for") {
    const auto hint = [](std::vector<std::string> words) { return parse(words).error().hint; };
    CHECK(hint({"rehearse"}) == "did you mean 'oa-stream cutover rehearse'?");
    CHECK(hint({"status"}) == "did you mean 'oa-stream cutover status'?");
    CHECK(hint({"logs"}) == "did you mean 'oa-stream runs show'?");
    CHECK(hint({"rollout"}) == "did you mean 'oa-stream cutover plan'?");
    CHECK(hint({"undo", "--now"}) == "did you mean 'oa-stream rollback apply'?");
    for (const char* word : {"undo", "back", "rollback", "revert"}) {
        CHECK(hint({"cutover", word}) == "did you mean 'oa-stream rollback apply'?");
    }
    struct Below {
        const char* family;
        const char* word;
        const char* meant;
    };
    for (const Below& row : std::array{
             Below{"cutover", "approve", "plan approve"},
             Below{"cutover", "drill", "rollback drill"},
             Below{"cutover", "resume", "cutover continue"},
             Below{"route", "delete", "route clear"},
             Below{"route", "reset", "route clear"},
             Below{"route", "show", "route status"},
             Below{"slo", "show", "slo status"},
             Below{"playbook", "check", "playbook validate"},
             Below{"config", "list", "config show"},
             Below{"runs", "delete", "runs gc"},
             Below{"smoke", "test", "smoke stream"},
         }) {
        CAPTURE(row.family, row.word);
        CHECK(
            hint({row.family, row.word}) ==
            "did you mean 'oa-stream " + std::string(row.meant) + "'?"
        );
    }
    CHECK(hint({"plan", "delete"}) == "show, approve"); // not a command of another family
    CHECK(hint({"cutover", "aply"}) == "did you mean 'oa-stream cutover apply'?");
    CHECK(hint({"plan", "shwo"}) == "did you mean 'oa-stream plan show'?");
    CHECK(hint({"nonesuch"}) == "oa-stream --help lists them");
}

TEST_CASE("command line: names of earlier releases still work") {
    const auto command = parse({"cutover", "unlock", "--run", "r"});
    REQUIRE(command.has_value());
    CHECK(command->command->path == "cutover abandon");
    const auto option = parse({"smoke", "stream", "--also-direct", "http://a:1"});
    REQUIRE(option.has_value());
    CHECK(option->args.all("--direct") == std::vector<std::string>{"http://a:1"});
    CHECK(parse({"watch", "--fail-fast"})->args.has("--fail-fast"));
}

TEST_CASE("command line: -v and -vv") {
    CHECK(parse({"version", "-v"})->globals.has("--verbose"));
    CHECK_FALSE(parse({"version", "-v"})->globals.has("--trace"));
    CHECK(parse({"-vv", "version"})->globals.has("--trace"));
    CHECK(parse({"version", "--trace"})->globals.has("--trace"));
}
