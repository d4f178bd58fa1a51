#include "oa_stream/base/file.hpp"

#include "manual/complete.hpp"
#include "manual/exits.hpp"
#include "manual/man_format.hpp"
#include "manual/man_page.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

using namespace oa_stream;
using namespace oa_stream::cli;

TEST_CASE("man: a page for every command, plain ASCII, with all it takes") {
    std::set<std::string> names;
    for (const ManPage& page : manuals()) {
        CAPTURE(page.name);
        CHECK(names.insert(page.name).second);
        CHECK(std::ranges::all_of(page.text, [](char c) {
            return c == '\n' || (c >= ' ' && c <= '~');
        }));
        CHECK(page.text.starts_with(".TH "));
        CHECK(page.text.contains("\n.SH SEE ALSO\n"));
        CHECK(page.text.contains("\n.SH EXIT STATUS\n") == (page.section == 1));
        CHECK(page.text.contains("\n.SH EXAMPLES\n") == (page.section == 1));
    }
    CHECK(names.size() == all_commands().size() + 3);
    CHECK(names.contains("oa-stream-playbook"));
    CHECK(names.contains("oa-stream-config"));
    CHECK(names.contains("oa-stream-smoke-stream"));
}

TEST_CASE("man: text that roff would take for a request stays text") {
    constexpr OptionSpec k_options[]{{"--x", "A|B", ".hidden without the escape."}};
    const CommandSpec command{"odd", "Odd.", {}, k_options, {"'quoted' \\ and .dotted"}, nullptr};
    const std::string text = manual_of(command).text;
    CHECK(text.contains("\n\\&.hidden without the escape.\n"));
    CHECK(text.contains("\n\\&'quoted' \\e and .dotted\n"));
}

TEST_CASE("man: a link shows its text, and brackets of code stay") {
    CHECK(without_links("a list of [gate](#gate), in order") == "a list of gate, in order");
    CHECK(
        without_links("none decides (`[]`); value: list of [gate](#gate)") ==
        "none decides (`[]`); value: list of gate"
    );
    CHECK(without_links("[0%, 5%] and (more)") == "[0%, 5%] and (more)");
}

TEST_CASE("man: every exit code is explained, once") {
    std::set<int> codes;
    for (const ExitCodeRow& row : k_exit_codes) {
        CHECK(codes.insert(static_cast<int>(row.code)).second);
    }
    CHECK(codes == std::set{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 130, 143});
}

TEST_CASE("man: a page lists the exit codes of its command, not those of all") {
    const auto codes = [](std::string_view path) {
        const auto commands = all_commands();
        const auto command = std::ranges::find(commands, path, &CommandSpec::path);
        REQUIRE(command != commands.end());
        std::vector<int> out;
        for (const ExitCodeRow& row : exits_of(*command)) {
            out.push_back(static_cast<int>(row.code));
            CHECK(manual_of(*command).text.contains("\\fB" + std::to_string(out.back()) + "\\fR\n")
            );
        }
        return out;
    };
    CHECK(codes("man") == std::vector{0, 2, 4});
    CHECK(codes("check") == std::vector{0, 1, 2, 4});
    CHECK(codes("smoke stream") == std::vector{0, 1, 2, 3, 4, 5, 130, 143});
    CHECK(codes("cutover apply") == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 130, 143});
    CHECK(codes("cutover plan") == std::vector{0, 1, 2, 3, 4, 5, 6, 10, 130, 143});
    CHECK(codes("route evaluate") == std::vector{0, 1, 2, 3, 4, 5});
    CHECK(codes("route restore") == std::vector{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 130, 143});
    CHECK(codes("cutover status") == std::vector{0, 1, 2, 3, 4, 8});
}

TEST_CASE("docs/commands.md is what the table says (oa-stream man --markdown)") {
    CHECK(read_file(OA_SOURCE_DIR "/docs/commands.md").value() == commands_page());
}

TEST_CASE("man/ and completions/ are what the tables say (./dev docs)") {
    namespace fs = std::filesystem;
    const fs::path root = OA_SOURCE_DIR;
    std::set<std::string> left;
    for (const auto& entry : fs::directory_iterator(root / "man")) {
        left.insert(entry.path().filename().string());
    }
    for (const ManPage& page : manuals()) {
        const std::string name = page.name + "." + std::to_string(page.section);
        CAPTURE(name);
        CHECK(left.erase(name) == 1);
        CHECK(read_file(root / "man" / name).value_or("") == page.text);
    }
    CHECK(left == std::set<std::string>{});
    const auto script = [&](std::string_view file) {
        return read_file(root / "completions" / file).value_or("");
    };
    CHECK(script("oa-stream.bash") == completion_script("bash"));
    CHECK(script("_oa-stream") == completion_script("zsh"));
    CHECK(script("oa-stream.fish") == completion_script("fish"));
}

TEST_CASE("man: the Markdown of our pages becomes roff") {
    CHECK(
        man_from_markdown(
            "# Title\n\n<!-- Made -->\n\nSay `--x` of\n[this](page.md).\n\n## Keys\n\n"
            "- one\n  more\n- two\n\n    code -x\n\n"
            "| key | value | meaning |\n|---|---|---|\n| `a` | x \\| y | What. |\n"
        ) == ".SH DESCRIPTION\nSay \\fB\\-\\-x\\fR of this.\n.SH KEYS\n"
             ".IP \\(bu 2\none more\n.IP \\(bu 2\ntwo\n.PP\n.EX\ncode \\-x\n.EE\n"
             ".TP\n\\fBa\\fR\nWhat. value: x | y.\n"
    );
}

TEST_CASE("man: a page says what a command does, where it keeps what, and what is near it") {
    const auto& commands = all_commands();
    const auto apply = std::ranges::find(commands, "cutover apply", &CommandSpec::path);
    REQUIRE(apply != commands.end());
    const std::string text = manual_of(*apply).text;
    CHECK(text.contains(".SH DESCRIPTION\nCarries out one plan:"));
    CHECK(text.contains("\n.PP\nBefore the first write"));
    CHECK(text.contains("\n.SH ENVIRONMENT\n.TP\n\\fBOA_STREAM_CUTOVER_APPLY_"));
    CHECK(text.contains("\n.SH FILES\n"));
    CHECK(text.contains("oa\\-stream/runs/"));
    CHECK(text.contains(".BR oa\\-stream\\-cutover\\-plan (1)"));
    CHECK_FALSE(text.contains(".BR oa\\-stream\\-serve (1)"));
}

TEST_CASE("man: the pages of files can be found from those of commands") {
    constexpr std::string_view k_config_page = ".BR oa\\-stream\\-config (5)";
    constexpr std::string_view k_playbook_page = ".BR oa\\-stream\\-playbook (5)";
    const std::string whole = manual().text;
    CHECK((whole.contains(k_config_page) && whole.contains(k_playbook_page)));
    CHECK(whole.contains("\\fBOA_STREAM_CONFIG\\fR"));
    for (const char* file : {"config.yaml", "runs/", "locks/", "plans/"}) {
        CHECK(whole.contains(std::string("/oa\\-stream/") + file));
    }
    for (const CommandSpec& command : all_commands()) {
        CAPTURE(command.path);
        const std::string text = manual_of(command).text;
        CHECK(text.contains(k_config_page));
        const bool reads = command.path == "verify" || command.path == "cutover plan" ||
                           command.path.starts_with("playbook ");
        CHECK((!reads || text.contains(k_playbook_page)));
        CHECK((command.path != "serve" || !text.contains(k_playbook_page)));
    }
}
