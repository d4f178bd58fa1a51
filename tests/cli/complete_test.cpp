#include "oa_stream/authority/kind.hpp"
#include "oa_stream/authority/replay.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/playbook/fault.hpp"

#include "manual/complete.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

KnownHere here() {
    KnownHere out;
    out.runs = [] { return std::vector<Candidate>{{"20261120T100000Z-cutover-0000aaaa"}}; };
    out.traffic_runs = [] {
        return std::vector<KnownRun>{
            {"20261120T110000Z-cutover-0000bbbb", "under way", run::RunKind::cutover},
            {"20261120T120000Z-route-split-0000cccc", "died", run::RunKind::route_split}
        };
    };
    out.variables = [](std::string_view playbook) {
        return playbook == "cutover" ? std::vector<Candidate>{{"stable=", "Serves now."}}
                                     : std::vector<Candidate>{};
    };
    out.playbooks = [] {
        return std::vector<KnownPlaybook>{
            {"cutover", playbook::Kind::cutover},
            {"rollback", playbook::Kind::rollback},
            {"rollback-drill", playbook::Kind::rollback_drill},
            {"steady-state", playbook::Kind::steady_state}
        };
    };
    return out;
}

std::vector<std::string> words_for(const std::vector<std::string>& typed) {
    std::vector<std::string> out;
    for (const Candidate& one : complete(typed, here()).candidates) {
        out.push_back(one.word);
    }
    return out;
}

/// One that is added shows up here by its line in the table alone.
std::vector<std::string> authorities() {
    const auto words = authority::authority_words();
    return {words.begin(), words.end()};
}

bool offers(const std::vector<std::string>& typed, const std::string& word) {
    const auto words = words_for(typed);
    return std::ranges::find(words, word) != words.end();
}

std::string_view help_of_inject(std::string_view path) {
    const auto command = std::ranges::find(all_commands(), path, &CommandSpec::path);
    REQUIRE(command != all_commands().end());
    const auto inject = std::ranges::find(command->options, "--inject", &OptionSpec::name);
    REQUIRE(inject != command->options.end());
    return inject->help;
}

} // namespace

TEST_CASE("complete: every command can be reached word by word, and says what it is for") {
    for (const CommandSpec& command : all_commands()) {
        CAPTURE(command.path);
        const std::string path(command.path);
        const std::size_t space = path.find(' ');
        if (space == std::string::npos) {
            CHECK(offers({""}, path));
        } else {
            CHECK(offers({path.substr(0, 2)}, path.substr(0, space)));
            const auto found =
                complete(std::vector<std::string>{path.substr(0, space), ""}, here());
            CHECK(
                std::ranges::find(
                    found.candidates,
                    Candidate{path.substr(space + 1), std::string(command.summary)}
                ) != found.candidates.end()
            );
        }
    }
}

TEST_CASE("complete: every option of a command is offered once, and not again unless it repeats") {
    for (const CommandSpec& command : all_commands()) {
        std::vector<std::string> typed;
        std::string path(command.path);
        for (std::size_t at = 0; at != std::string::npos;) {
            const std::size_t space = path.find(' ');
            typed.push_back(path.substr(0, space));
            at = space;
            path = space == std::string::npos ? "" : path.substr(space + 1);
        }
        for (const OptionSpec& option : command.options) {
            CAPTURE(command.path, option.name);
            auto before = typed;
            before.emplace_back("--");
            CHECK(offers(before, std::string(option.long_name())) == !option.old);
            auto after = typed;
            after.emplace_back(option.long_name());
            if (!option.value.empty()) {
                after.emplace_back("x");
            }
            after.emplace_back("--");
            CHECK(offers(after, std::string(option.long_name())) == option.repeats);
        }
    }
}

TEST_CASE("complete: what can stand where the cursor is") {
    using Files = Completion::Files;
    struct Case {
        std::vector<std::string> typed;
        std::vector<std::string> want;
        Files files;
    };
    const Case cases[] = {
        {{"serve", "--authority", ""}, authorities(), Files::none},
        {{"serve", "--authority", "r"}, {"replay"}, Files::none},
        {{"serve", "--authority=r"}, {"--authority=replay"}, Files::none},
        {{"serve", "--tokens", ""}, {}, Files::files},
        {{"serve", "--replay", ""}, {}, Files::folders},
        {{"--color", "n"}, {"never"}, Files::none},
        {{"--state-dir", "/x", "sm"}, {"smoke"}, Files::none},
        {{"rollback", "apply", "--run", "20261120T11"},
         {"20261120T110000Z-cutover-0000bbbb"},
         Files::none},
        {{"rollback", "apply", "--run", "20261120T12"},
         {"20261120T120000Z-route-split-0000cccc"},
         Files::none},
        {{"route", "restore", ""}, {"20261120T120000Z-route-split-0000cccc"}, Files::none},
        {{"runs", "show", ""}, {"last", "20261120T100000Z-cutover-0000aaaa"}, Files::none},
        {{"runs", "show", "last:roll"}, {"last:rollback", "last:rollback-drill"}, Files::none},
        {{"verify", ""}, {"steady-state"}, Files::files},
        {{"cutover", "rehearse", ""}, {"cutover"}, Files::files},
        {{"rollback", "drill", "rollback"}, {"rollback-drill"}, Files::files},
        {{"slo", "gate", "--route", "/v1/c"}, {"/v1/chat/completions"}, Files::none},
        {{"slo", "status", "--route", "/v1/r"}, {"/v1/responses"}, Files::none},
        {{"incident", "body", "--alert", "OaStreamRunU"}, {"OaStreamRunUnverified"}, Files::none},
        {{"cutover", "status", "--run=2026"},
         {"--run=20261120T100000Z-cutover-0000aaaa"},
         Files::none},
        {{"cutover", "plan", "cutover", "--set", ""}, {"stable="}, Files::none},
        {{"cutover", "plan", "--set", ""}, {}, Files::none},
        {{"check", "--explain", "H1"}, {"H1"}, Files::none},
        {{"serve", "--limit", "turn-t"}, {"turn-time="}, Files::none},
        {{"serve", "--inject", "k"}, {"kill"}, Files::none},
        {{"serve", "--pace", ""}, {"recorded", "immediate", "x"}, Files::none},
        {{"serve", "--allow", "s"}, {"system"}, Files::none},
        {{"serve", "--allow", "model,"},
         {"model,system", "model,effort", "model,tools"},
         Files::none},
        {{"serve", "--allow", "model,tools,"},
         {"model,tools,system", "model,tools,effort"},
         Files::none},
        {{"front", "--balance", ""}, {"weights", "least-conn"}, Files::none},
        {{"cutover", "status", "--wait-for", ""},
         {"done", "passed", "paused", "stage="},
         Files::none},
        {{"slo", "status", "--bad", "ter"}, {"terminal_error"}, Files::none},
        {{"route", "set", ""}, {"legacy", "rust", "rollback"}, Files::none},
        {{"serve", "--allow=model,t"}, {"--allow=model,tools"}, Files::none},
        {{"cutover", "rehearse", "--inject", "lat"}, {"latency="}, Files::none},
        {{"cutover", "rehearse", "--inject", "a"}, {"auth-error=", "audit-error="}, Files::none},
        {{"cutover", "rehearse", "--inject", "k"}, {"kill@"}, Files::none},
        {{"runs", "list", "--kind", "rollb"}, {"rollback", "rollback-drill"}, Files::none},
        {{"config", "show", "--for", "smoke-s"}, {"smoke-stream"}, Files::none},
        {{"man", "cutover-ap"}, {"cutover-apply"}, Files::none},
        {{"man", "cutover", "ap"}, {"apply"}, Files::none},
        {{"cutover", "plan", ""}, {"cutover"}, Files::files},
        {{"rollback", "plan", ""}, {"rollback"}, Files::files},
        {{"cutover", "pause", "--run", "20261120T11"},
         {"20261120T110000Z-cutover-0000bbbb"},
         Files::none},
        {{"help", "cutover", "ap"}, {"apply"}, Files::none},
        {{"cutover", "plan", "cut"}, {"cutover"}, Files::files},
        {{"completions", "z"}, {"zsh"}, Files::none},
        {{"version", "--he"}, {"--help"}, Files::none},
        {{"nonesuch", "x"}, {}, Files::none},
        {{"serve", "--nonesuch=x"}, {}, Files::none},
        {{}, {}, Files::none},
    };
    for (const Case& one : cases) {
        CAPTURE(one.typed);
        CHECK(words_for(one.typed) == one.want);
        CHECK(complete(one.typed, here()).files == one.files);
    }
}

TEST_CASE("complete: every value that is one of some words is offered as these words") {
    std::size_t found = 0;
    for (const CommandSpec& command : all_commands()) {
        auto typed = pieces_of(command.path, ' ');
        for (const OptionSpec& option : command.options) {
            const std::string value = option.value_name();
            const bool words = value.contains('|') && std::ranges::all_of(value, [](char c) {
                                   return c == '|' || c == '-' || (c >= 'a' && c <= 'z');
                               });
            if (!words) {
                continue;
            }
            CAPTURE(command.path, option.name);
            std::vector<std::string> line(typed.begin(), typed.end());
            line.insert(line.end(), {std::string(option.long_name()), ""});
            for (const std::string_view word : pieces_of(value, '|')) {
                CHECK(offers(line, std::string(word)));
            }
            ++found;
        }
    }
    CHECK(found > 8);
}

TEST_CASE("complete: the machine is only asked where its answer could stand") {
    KnownHere strict;
    strict.runs = []() -> std::vector<Candidate> { throw std::logic_error("asked for runs"); };
    strict.traffic_runs = []() -> std::vector<KnownRun> { throw std::logic_error("asked"); };
    strict.playbooks = []() -> std::vector<KnownPlaybook> { throw std::logic_error("asked"); };
    CHECK_FALSE(complete(std::vector<std::string>{"ser"}, strict).candidates.empty());
    CHECK_THROWS(complete(std::vector<std::string>{"rollback", "apply", "--run", ""}, strict));
}

TEST_CASE("complete: lines for the shells") {
    Completion completion;
    completion.candidates = {{"--run", "This run."}, {"x"}};
    CHECK(to_lines(completion) == "--run\tThis run.\nx\n");
    completion.files = Completion::Files::folders;
    CHECK(to_lines(completion).ends_with("x\n:folders\n"));
    for (const char* shell : {"bash", "zsh", "fish"}) {
        CHECK(completion_script(shell).contains("__complete"));
    }
    CHECK(completion_script("tcsh").empty());
}

TEST_CASE("complete: a family says which commands it has") {
    const auto found = complete(std::vector<std::string>{"cuto"}, here()).candidates;
    REQUIRE(found.size() == 1);
    CHECK(found[0].word == "cutover");
    CHECK(found[0].help.starts_with("rehearse, plan, apply, status, "));
    CHECK(found[0].help.ends_with(", abandon"));
}

TEST_CASE("complete: help names what is suggested for a value, and its reader takes it") {
    for (const std::string_view word : authority::fault_words()) {
        CAPTURE(word);
        CHECK(help_of_inject("serve").contains(word.substr(0, word.find('='))));
        authority::ReplayFaults faults;
        const std::string value = word.ends_with('=') ? std::string(word) + "1" : std::string(word);
        const auto one = authority::add_fault(faults, value);
        const auto timed = authority::add_fault(faults, value + "s");
        CHECK((one.has_value() || timed.has_value()));
    }
}

TEST_CASE("complete: help names every kind of fault that a rehearsal takes") {
    const std::string_view help = help_of_inject("cutover rehearse");
    for (const std::string_view word : playbook::fault_words()) {
        CAPTURE(word);
        const bool has_value = word.ends_with('=');
        CHECK(help.contains(has_value ? word : word.substr(0, word.size() - 1)));
        const auto read = [&](std::string_view value) {
            return playbook::parse_fault(std::string(word) + std::string(value)).has_value();
        };
        CHECK((has_value ? read("1@25") || read("1s@25") : read("25")));
    }
}
