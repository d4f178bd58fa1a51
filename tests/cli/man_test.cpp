#include "oa_stream/base/file.hpp"

#include "core/exit_codes.hpp"
#include "core/man_page.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
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
        CHECK(page.text.contains("\n.SH EXIT STATUS\n"));
        CHECK(page.text.contains("\n.SH EXAMPLES\n"));
    }
    CHECK(names.size() == all_commands().size() + 1);
    CHECK(names.contains("oa-stream-smoke-stream"));
}

TEST_CASE("man: text that roff would take for a request stays text") {
    constexpr std::string_view k_examples[]{"'quoted' \\ and .dotted"};
    constexpr OptionSpec k_options[]{{"--x", "A|B", ".hidden without the escape."}};
    const CommandSpec command{"odd", "Odd.", {}, k_options, k_examples, nullptr};
    const std::string text = manual_of(command).text;
    CHECK(text.contains("\n\\&.hidden without the escape.\n"));
    CHECK(text.contains("\n\\&'quoted' \\e and .dotted\n"));
}

TEST_CASE("man: every exit code is explained, once") {
    std::set<int> codes;
    for (const ExitCodeRow& row : k_exit_codes) {
        CHECK(codes.insert(static_cast<int>(row.code)).second);
    }
    CHECK(codes == std::set{0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 130, 143});
}

TEST_CASE("docs/commands.md is what the table says (oa-stream man --markdown)") {
    CHECK(read_file(OA_SOURCE_DIR "/docs/commands.md").value() == commands_page());
}
