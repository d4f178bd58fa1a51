// A command that somebody should type next is a Suggestion, and names a command that there is.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/lists.hpp"

#include "core/command.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <regex>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

namespace fs = std::filesystem;

/// Pages, which name commands as a book does: nobody types them as they stand there.
constexpr std::array<std::string_view, 12> k_pages{
    "src/cli/manual/",
    "src/cli/compat/compat_scripts.cpp",
    "src/cli/doctor/help_command.cpp",
    "src/contract/rules_page.cpp",
    "src/incident/incident_body.cpp",
    "src/measure/slo/alert_manager.cpp",
    "src/measure/slo/alert_yaml.cpp",
    "src/measure/slo/dashboard.cpp",
    "src/playbook/file/file_pages.cpp",
    "src/report/judge_again.cpp",
    "src/traffic/local/local_kind.cpp",
    "include/oa_stream/measure/dashboard.hpp",
};

/// Without raw literals (pages of the manual), comments and the examples of rows.
std::string hints_of(std::string text) {
    static const std::regex raw(R"re(R"\([^]*?\)")re");
    static const std::regex comment(R"re(//[^\n]*)re");
    static const std::regex examples(R"re(\.examples =\s*\{[^}]*\})re");
    for (const std::regex* one : {&raw, &comment, &examples}) {
        text = std::regex_replace(text, *one, "");
    }
    return text;
}

std::vector<std::string> all_of(const std::string& text, const std::regex& what) {
    std::vector<std::string> out;
    for (std::sregex_iterator at(text.begin(), text.end(), what), end; at != end; ++at) {
        out.push_back((*at)[1]);
    }
    return out;
}

/// "rollback apply", and "rollback" of its family.
bool names_command(std::string_view words) {
    return std::ranges::any_of(all_commands(), [words](const CommandSpec& one) {
        return one.path == words || one.path.substr(0, one.path.find(' ')) == words;
    });
}

std::vector<std::string> pasted_in(const std::string& text) {
    static const std::regex command(R"re("[^"\n]*\boa-stream ([a-z]+)\b[^"\n]*")re");
    auto out = all_of(hints_of(text), command);
    std::erase_if(out, [](const std::string& word) { return !names_command(word); });
    return out;
}

std::vector<std::string> suggested_in(const std::string& text) {
    static const std::regex command(R"re(Suggestion(?:\s+\w+)?\{\s*"([a-z ]+)"\s*[,}])re");
    return all_of(text, command);
}

void for_each_source(const std::function<void(const std::string& name, std::string text)>& look) {
    const fs::path root(OA_SOURCE_DIR);
    for (const auto* top : {"src", "include"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
            const auto extension = entry.path().extension();
            if (extension == ".cpp" || extension == ".hpp") {
                look(fs::relative(entry.path(), root).string(), read_file(entry.path()).value());
            }
        }
    }
}

} // namespace

TEST_CASE("suggestions: a pasted command is found, an example and a page are not") {
    CHECK(pasted_in("fail(x, \"then oa-stream runs list\")").size() == 1);
    CHECK(pasted_in("\"oa-stream runs list\"").size() == 1);
    CHECK(pasted_in(".examples = {\"oa-stream runs list\"},").empty());
    CHECK(pasted_in("\"oa-stream itself stood still\"").empty());
    CHECK(pasted_in("// \"oa-stream runs list\"").empty());
    CHECK(suggested_in("Suggestion{\"runs lst\", {x}}") == std::vector<std::string>{"runs lst"});
    CHECK(suggested_in("Suggestion out{\"check\"};") == std::vector<std::string>{"check"});
}

TEST_CASE("suggestions: no source pastes a command into a text") {
    for_each_source([](const std::string& name, const std::string& text) {
        const bool page = std::ranges::any_of(k_pages, [&](std::string_view one) {
            return name.starts_with(one);
        });
        CAPTURE(name);
        CHECK((page || pasted_in(text) == std::vector<std::string>{}));
    });
}

TEST_CASE("suggestions: each names a command that there is") {
    std::size_t seen = 0;
    for_each_source([&seen](const std::string& name, const std::string& text) {
        for (const std::string& words : suggested_in(text)) {
            CAPTURE(name, words);
            CHECK(names_command(words));
            ++seen;
        }
    });
    CHECK(seen > 40);
}
