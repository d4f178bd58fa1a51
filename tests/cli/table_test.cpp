#include "core/parse.hpp"
#include "manual/help.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
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
            CHECK(option.name.starts_with("--"));
            CHECK(options.insert(option.name).second);
            CHECK(option.help.ends_with('.'));
        }
        for (const OptionSpec& option : global_options()) {
            CHECK_FALSE(options.contains(option.name));
        }
    }
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

TEST_CASE("help: within 100 columns, and every option is in it") {
    for (const CommandSpec& command : all_commands()) {
        const std::string help = help_of(command);
        for (const OptionSpec& option : command.options) {
            CHECK(help.contains(option.name));
        }
        std::istringstream lines(help);
        for (std::string line; std::getline(lines, line);) {
            CAPTURE(line);
            CHECK(
                (line.size() <= 100 || line.starts_with("  oa-stream") || line.starts_with("Usage"))
            );
        }
        CHECK(overview().contains(command.path));
    }
}
