// Names of options stand in their rows and in base/option_names.hpp, nowhere else.
#include "oa_stream/base/file.hpp"

#include "core/command.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

namespace fs = std::filesystem;
constexpr std::string_view k_names_file = "option_names.hpp";
constexpr std::string_view k_quoted = "\"--";

bool names_option(std::string_view text, std::size_t at) {
    const char next = text.substr(at + k_quoted.size()).front();
    return next == '"' || (next >= 'a' && next <= 'z');
}

bool in_comment(std::string_view text, std::size_t at) {
    const std::size_t begin = text.rfind('\n', at) + 1;
    const std::string_view before = text.substr(begin, at - begin);
    const std::size_t slashes = before.find("//");
    return slashes != std::string_view::npos &&
           std::ranges::count(before.substr(0, slashes), '"') % 2 == 0;
}

/// "option" of `option<&Options::rate>(`, "foreign_option" of `foreign_option(`; empty for anything
/// that is not a call with `at` as its first argument.
std::string_view callee_before(std::string_view text, std::size_t at) {
    const auto skip_space = [&] {
        while (at > 0 && std::isspace(static_cast<unsigned char>(text[at - 1])) != 0) {
            --at;
        }
    };
    skip_space();
    if (at == 0 || text[at - 1] != '(') {
        return {};
    }
    --at;
    if (at > 0 && text[at - 1] == '>') {
        int depth = 0;
        do {
            --at;
            depth += text[at] == '>' ? 1 : text[at] == '<' ? -1 : 0;
        } while (at > 0 && depth > 0);
    }
    const std::size_t end = at;
    while (at > 0 &&
           (std::isalnum(static_cast<unsigned char>(text[at - 1])) != 0 || text[at - 1] == '_')) {
        --at;
    }
    return text.substr(at, end - at);
}

/// Lines with a name of an option that is not a row's.
std::vector<std::string> strays(std::string_view text) {
    constexpr std::array<std::string_view, 7> k_rows{
        "option", "parsed", "flag", "off_flag", "custom", "foreign_option", "once_called"
    };
    std::vector<std::string> out;
    for (std::size_t at = text.find(k_quoted); at != std::string_view::npos;
         at = text.find(k_quoted, at + 1)) {
        if (names_option(text, at) && !in_comment(text, at) &&
            std::ranges::find(k_rows, callee_before(text, at)) == k_rows.end()) {
            out.emplace_back(text.substr(at, 40));
        }
    }
    return out;
}

} // namespace

TEST_CASE("option names: a literal outside a row is found, one in a row is not") {
    CHECK(strays("args.get(\"--rate\")").size() == 1);
    CHECK(strays("x = {\"--a\", \"--b\"};").size() == 2);
    CHECK(strays("find(words, \"--\")").size() == 1);
    CHECK(strays("option<&O::a, &P<int>::b>(\n    \"--rate\", \"N\", \"Say.\")").empty());
    CHECK(strays("foreign_option(\"--strict\")").empty());
    CHECK(strays("f(\"-----BEGIN\"); // \"--rate\"").empty());
}

TEST_CASE("option names: no source names an option outside its row") {
    for (const auto* top : {"src", "include"}) {
        for (const auto& entry : fs::recursive_directory_iterator(fs::path(OA_SOURCE_DIR) / top)) {
            const fs::path& file = entry.path();
            if ((file.extension() != ".cpp" && file.extension() != ".hpp") ||
                file.filename() == k_names_file) {
                continue;
            }
            CAPTURE(file.string());
            CHECK(strays(read_file(file).value()) == std::vector<std::string>{});
        }
    }
}

TEST_CASE("option names: each name in the shared list is that of a row") {
    std::set<std::string, std::less<>> known{"--", "--help", "--version"};
    const auto add = [&](std::span<const OptionSpec> rows) {
        for (const OptionSpec& row : rows) {
            known.emplace(row.long_name());
        }
    };
    add(global_options());
    for (const CommandSpec& command : all_commands()) {
        add(command.options);
    }
    const std::string text =
        read_file(fs::path(OA_SOURCE_DIR) / "include/oa_stream/base" / k_names_file).value();
    std::size_t names = 0;
    for (std::size_t at = text.find(k_quoted); at != std::string::npos;
         at = text.find(k_quoted, at + 1)) {
        const std::string name = text.substr(at + 1, text.find('"', at + 1) - at - 1);
        CAPTURE(name);
        CHECK(known.contains(name));
        ++names;
    }
    CHECK(names > 20);
}
