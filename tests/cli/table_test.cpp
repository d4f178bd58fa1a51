#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/option_names.hpp"

#include "core/parse.hpp"
#include "manual/help.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

/// Plain words and words in single quotes; what stands behind a shell operator is another
/// program's.
std::vector<std::string> shell_words(std::string_view line) {
    std::vector<std::string> out;
    std::string word;
    bool quoted = false;
    for (const char c : line) {
        if (c == '\'') {
            quoted = !quoted;
        } else if (!quoted && (c == '|' || c == '>')) {
            break;
        } else if (!quoted && c == ' ') {
            out.push_back(std::exchange(word, {}));
        } else {
            word += c;
        }
    }
    out.push_back(word);
    std::erase(out, "");
    return out;
}

} // namespace

TEST_CASE("command table: every row is complete and no name stands twice") {
    std::set<std::string_view> paths;
    for (const CommandSpec& command : all_commands()) {
        CAPTURE(command.path);
        CHECK(paths.insert(command.path).second);
        CHECK(command.summary.ends_with('.'));
        CHECK(command.run != nullptr);
        CHECK_FALSE(command.examples.empty());
        std::set<std::string_view> options;
        for (const OptionSpec& option : command.options) {
            CAPTURE(option.name);
            CHECK(option.long_name().starts_with("--"));
            CHECK(options.insert(option.name).second);
            CHECK(option.help.ends_with('.'));
        }
        for (const OptionSpec& option : global_options()) {
            CHECK_FALSE(options.contains(option.name));
        }
    }
}

TEST_CASE("command table: what asks a control service can be told how to reach it") {
    std::size_t seen = 0;
    for (const CommandSpec& command : all_commands()) {
        if (!command.path.starts_with("route ") && command.path != "rollback apply") {
            continue;
        }
        CAPTURE(command.path);
        ++seen;
        for (const auto* name : {names::auth, names::ca, names::cert, names::key, names::header}) {
            CAPTURE(name);
            CHECK(std::ranges::count(command.options, name, &OptionSpec::long_name) == 1);
        }
    }
    CHECK(seen == 7);
}

TEST_CASE("command table: whatever is consent is typed, never configured") {
    constexpr std::array<std::string_view, 8> k_consent{
        "--all", "--apply", "--detach", "--force", "--partial", "--reopen", "--take-over", "--yes"
    };
    std::size_t found = 0;
    for (const CommandSpec& command : all_commands()) {
        for (const OptionSpec& option : command.options) {
            const std::string_view name = option.long_name();
            const bool consents = std::ranges::find(k_consent, name) != k_consent.end() ||
                                  name.starts_with("--accept-");
            const bool only_shows = command.path == "runs compare"; // its --all
            if (consents && !only_shows) {
                CAPTURE(command.path, option.name);
                CHECK(option.typed_only);
                ++found;
            }
        }
    }
    CHECK(found > 12);
}

TEST_CASE("command table: every example parses to its own command") {
    for (const CommandSpec& command : all_commands()) {
        for (const std::string_view example : command.examples) {
            CAPTURE(example);
            const std::vector<std::string> words = shell_words(example);
            const auto start = std::ranges::find(words, "oa-stream");
            REQUIRE(start != words.end());
            const auto parsed = parse_command_line(std::span(start + 1, words.end()));
            if (!parsed) {
                FAIL(parsed.error().text());
            }
            CHECK(parsed->command->path == command.path);
        }
    }
}

TEST_CASE("command table: every command stands in one group, and says what it does in prose") {
    std::size_t grouped = 0;
    for (const CommandGroup& group : command_groups()) {
        CAPTURE(group.title);
        CHECK_FALSE(group.commands.empty());
        CHECK_FALSE(group.purpose.empty());
        grouped += group.commands.size();
    }
    CHECK(grouped == all_commands().size());
    CHECK(command_groups()[0].title == "Serve");
    CHECK(command_groups()[0].commands[0].path == "serve");
    CHECK(command_groups().back().title == "Setup");
    std::set<std::string> words;
    for (const CommandSpec& command : all_commands()) {
        CAPTURE(command.path);
        CHECK(command.about.ends_with('.'));
        CHECK(command.about != command.summary);
        for (const std::string& word : shell_words(command.also)) {
            CAPTURE(word);
            CHECK(words.insert(word).second); // a word leads to one command
        }
    }
}

TEST_CASE("help: within 80 columns, and every option is in it") {
    const auto fits = [](const std::string& help) {
        std::istringstream lines(help);
        for (std::string line; std::getline(lines, line);) {
            CAPTURE(line);
            CHECK((columns_of(line) <= 80));
        }
    };
    for (const CommandSpec& command : all_commands()) {
        const std::string help = help_of(command);
        for (const OptionSpec& option : command.options) {
            CHECK(help.contains(option.name) == !option.old);
        }
        fits(help);
        CHECK(overview().contains(command.path));
    }
    fits(overview());
    for (const CommandSpec* command : frequent_commands()) {
        CHECK(overview().find(command->path) < overview().find("Serve:"));
    }
}

TEST_CASE("help: a narrow terminal breaks no word of it that is not longer than a line") {
    constexpr std::size_t k_narrow = 60;
    const auto fits = [](const std::string& help) {
        std::istringstream lines(help);
        for (std::string line; std::getline(lines, line);) {
            line = line.ends_with(" \\") ? line.substr(0, line.size() - 2) : line;
            const std::size_t first = std::min(line.find_first_not_of(' '), line.size());
            CAPTURE(line);
            CHECK((columns_of(line) <= k_narrow || !line.substr(first).contains(' ')));
        }
    };
    for (const CommandSpec& command : all_commands()) {
        fits(help_of(command, k_narrow));
    }
    fits(overview(k_narrow));
    fits(help_of_family("cutover", k_narrow));
}

TEST_CASE("help: of a family, and of words that are no command") {
    const std::string family = help_of_family("cutover");
    for (const char* word :
         {"cutover plan", "cutover apply", "cutover status", "cutover abandon"}) {
        CHECK(family.contains(word));
    }
    CHECK_FALSE(family.contains("rollback"));
    CHECK(help_about({nullptr, "smoke"}).contains("smoke completions"));
    CHECK(help_about({}).contains("Used most"));
}

TEST_CASE("help --search: finds commands, options, exit codes and playbook keys, the nearest first"
) {
    const auto first = [](std::string_view words) {
        const auto found = search_help(words, 5);
        return found.empty() ? std::string("nothing") : found.front().what;
    };
    CHECK(first("apply plan") == "oa-stream cutover apply");
    CHECK(first("grafana") == "oa-stream slo dashboard");
    CHECK(first("heartbeat comment") == "serve --heartbeat");
    CHECK(first("page someone") == "exit code 8");
    CHECK(first("fresh_row") == "playbook: fresh_row");
    CHECK(search_help("run_gates", 1).front().line.starts_with("Judged once at the end"));
    CHECK(
        search_help("gates_drilled", 1).front().line ==
        "The gates were recently tested with injected faults."
    );
    CHECK(first("no such thing at all") == "nothing");
    CHECK(search_help("", 5).empty());
    CHECK(search_help("the", 3).size() == 3);
}
