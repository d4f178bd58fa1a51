// The pages that people read, against the table of commands.
#include "oa_stream/base/file.hpp"

#include "core/command.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

namespace fs = std::filesystem;

/// What names of options and commands are made of.
constexpr std::string_view k_word = "abcdefghijklmnopqrstuvwxyz0123456789-";

/// Options that pages name of other programs, and of commands that cannot be.
constexpr std::array<std::string_view, 3> k_others{
    "--web",       // --web.external-url of Prometheus
    "--collector", // --collector.textfile.directory of node_exporter
    "--stat-dir",  // errors.md: how a misspelt option is answered
};

std::set<std::string, std::less<>> options_of(std::span<const OptionSpec> rows) {
    std::set<std::string, std::less<>> out;
    for (const OptionSpec& row : rows) {
        if (!row.old) {
            out.emplace(row.long_name());
        }
    }
    return out;
}

/// "--limit" at the beginning of a text; empty where a family ("--store-…") is meant.
std::string_view option_at(std::string_view text) {
    const auto name = text.substr(0, text.find_first_not_of(k_word));
    return name.size() > 2 && !name.ends_with('-') ? name : std::string_view();
}

struct Page {
    std::string name;
    std::string text;
};

std::vector<Page> pages() {
    std::vector<Page> out;
    const auto add = [&](const fs::path& file) {
        std::string text = read_file(file, 1U << 20U).value();
        for (std::size_t at = 0; (at = text.find("\\\n")) != std::string::npos;) {
            text.replace(at, 2, "  "); // a command that goes on in the next line
        }
        out.push_back({file.filename().string(), std::move(text)});
    };
    for (const char* name : {"README.md", "CONTRIBUTING.md"}) {
        add(fs::path(OA_SOURCE_DIR) / name);
    }
    for (const auto& entry : fs::directory_iterator(OA_SOURCE_DIR "/docs")) {
        if (entry.path().extension() == ".md") {
            add(entry.path());
        }
    }
    return out;
}

/// The command that a line after "oa-stream " names, by its longest path.
const CommandSpec* command_in(std::string_view line) {
    const CommandSpec* found = nullptr;
    for (const CommandSpec& command : all_commands()) {
        const bool named = line.starts_with(command.path) && line.size() > command.path.size() &&
                           !k_word.contains(line[command.path.size()]);
        if (named && (found == nullptr || command.path.size() > found->path.size())) {
            found = &command;
        }
    }
    return found;
}

} // namespace

TEST_CASE("pages: an option between backticks is one of today's") {
    std::set<std::string, std::less<>> known = options_of(global_options());
    for (const CommandSpec& command : all_commands()) {
        known.merge(options_of(command.options));
    }
    known.emplace("--help");
    known.emplace("--version");
    std::size_t seen = 0;
    for (const Page& page : pages()) {
        for (std::size_t at = 0; (at = page.text.find("`--", at)) != std::string::npos;) {
            const std::string_view name = option_at(std::string_view(page.text).substr(++at));
            CAPTURE(page.name, name);
            const bool fine = name.empty() || known.contains(name) ||
                              std::ranges::find(k_others, name) != k_others.end();
            CHECK(fine);
            ++seen;
        }
    }
    CHECK(seen > 300);
}

TEST_CASE("pages: a command is given only options that it takes") {
    const auto everywhere = options_of(global_options());
    std::size_t seen = 0;
    for (const Page& page : pages()) {
        constexpr std::string_view k_program = "oa-stream ";
        for (std::size_t at = 0; (at = page.text.find(k_program, at)) != std::string::npos;) {
            at += k_program.size();
            const std::string_view rest = std::string_view(page.text).substr(at);
            const std::string_view line = rest.substr(0, rest.find_first_of("`\n|;#"));
            const CommandSpec* command = line.empty() ? nullptr : command_in(rest);
            if (command == nullptr || command->path == "compat") {
                continue; // prose, or the words of a retired script
            }
            const auto own = options_of(command->options);
            for (std::size_t dash = 0; (dash = line.find(" --", dash)) != line.npos;) {
                const std::string_view name = option_at(line.substr(++dash));
                CAPTURE(page.name, command->path, name);
                const bool fine = name.empty() || name == "--help" || own.contains(name) ||
                                  everywhere.contains(name) ||
                                  std::ranges::find(k_others, name) != k_others.end();
                CHECK(fine);
                ++seen;
            }
        }
    }
    CHECK(seen > 300);
}
