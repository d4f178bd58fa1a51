#include "shape.hpp"
#include "temp_folder.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <fstream>
#include <functional>

namespace fs = std::filesystem;
using namespace oa_stream::shape;

namespace {

/// A small legal tree in a folder of its own, removed at the end.
class Tree {
public:
    Tree() {
        write("src/base/CMakeLists.txt", "oa_room(base SOURCES text.cpp)\n");
        write("src/base/text.cpp", "#include \"oa_stream/base/text.hpp\"\n#include \"own.hpp\"\n");
        write("src/base/own.hpp", "#pragma once\n");
        write("include/oa_stream/base/text.hpp", "#include <string>\n");
        write("src/net/CMakeLists.txt", "oa_room(net SOURCES server.cpp USES base)\n");
        write(
            "src/net/server.cpp",
            "#include \"oa_stream/base/text.hpp\"\n#include <boost/beast/core.hpp>\n#include "
            "<curl/curl.h>\n"
        );
        write("tests/base/CMakeLists.txt", "oa_unit_test(base SOURCES text_test.cpp)\n");
        write("tests/base/text_test.cpp", "#include <catch2/catch.hpp>\n");
        write("docs/architecture.md", page());
    }

    void write(const fs::path& path, std::string_view text) const {
        fs::create_directories((root_ / path).parent_path());
        std::ofstream(root_ / path) << text;
    }
    [[nodiscard]] std::vector<Finding> findings() const { return check_tree(root_); }

    static std::string page() {
        std::string text = "| room | what it holds | may include |\n|---|---|---|\n";
        for (const auto& room : rooms()) {
            std::string list;
            for (const auto& name : names(room)) {
                list += (list.empty() ? "`" : ", `") + name + "`";
            }
            const auto* shown = room.name == "cli" ? "all" : list.empty() ? "–" : list.c_str();
            text += "| `" + std::string(room.name) + "` | things | " + shown + " |\n";
        }
        return text;
    }

private:
    oa_stream::test::TempFolder own_{};
    fs::path root_ = own_.path;
};

struct Breach {
    const char* name;
    const char* rule;
    const char* text; ///< a part of the finding
    std::function<void(const Tree&)> make;
};

const std::array k_breaches{
    Breach{
        "a room includes one that is not below it",
        "direction",
        "net may not include turn",
        [](const Tree& tree) {
            tree.write("include/oa_stream/net/a.hpp", "#include \"oa_stream/turn/event.hpp\"\n");
        }
    },
    Breach{
        "an include with spaces and angle brackets counts as well",
        "direction",
        "base may not include net",
        [](const Tree& tree) {
            tree.write("src/base/own.hpp", "  #  include <oa_stream/net/http.hpp>\n");
        }
    },
    Breach{
        "an include names a room that does not exist",
        "direction",
        "there is no room util",
        [](const Tree& tree) {
            tree.write("src/base/own.hpp", "#include \"oa_stream/util/x.hpp\"\n");
        }
    },
    Breach{
        "a folder is no room",
        "direction",
        "there is no room util",
        [](const Tree& tree) { tree.write("include/oa_stream/util/x.hpp", "\n"); }
    },
    Breach{
        "a private header of another folder is included",
        "foreign-header",
        "../base/own.hpp",
        [](const Tree& tree) { tree.write("src/net/server.cpp", "#include \"../base/own.hpp\"\n"); }
    },
    Breach{
        "Beast outside net",
        "library",
        "Beast stays in net",
        [](const Tree& tree) {
            tree.write("src/base/text.cpp", "#include <boost/beast/core.hpp>\n");
        }
    },
    Breach{
        "Beast in five files",
        "library",
        "Beast in 5 files, at most 4",
        [](const Tree& tree) {
            tree.write("src/net/CMakeLists.txt", "SOURCES server.cpp b.cpp c.cpp d.cpp e.cpp\n");
            for (const auto* name : {"b", "c", "d", "e"}) {
                tree.write(
                    std::string("src/net/") + name + ".cpp", "#include <boost/beast/http.hpp>\n"
                );
            }
        }
    },
    Breach{
        "libcurl outside net",
        "library",
        "libcurl stays in net",
        [](const Tree& tree) { tree.write("src/base/text.cpp", "#include <curl/curl.h>\n"); }
    },
    Breach{
        "CLI11 outside cli",
        "library",
        "CLI11 stays in cli",
        [](const Tree& tree) { tree.write("src/base/text.cpp", "#include <CLI/CLI.hpp>\n"); }
    },
    Breach{
        "yaml-cpp outside config",
        "library",
        "yaml-cpp stays in config",
        [](const Tree& tree) { tree.write("src/base/text.cpp", "#include <yaml-cpp/yaml.h>\n"); }
    },
    Breach{
        "libarchive outside base and incident",
        "library",
        "libarchive stays in base",
        [](const Tree& tree) { tree.write("src/net/server.cpp", "#include <archive_entry.h>\n"); }
    },
    Breach{
        "Beast in a public header, even of its own room",
        "header-library",
        "Beast in a public header",
        [](const Tree& tree) {
            tree.write("include/oa_stream/net/a.hpp", "#include <boost/beast/http.hpp>\n");
        }
    },
    Breach{
        "CLI11 in a public header",
        "header-library",
        "CLI11 in a public header",
        [](const Tree& tree) {
            tree.write("include/oa_stream/cli/a.hpp", "#include <CLI/CLI.hpp>\n");
        }
    },
    Breach{
        "yaml-cpp in a public header",
        "header-library",
        "yaml-cpp in a public header",
        [](const Tree& tree) {
            tree.write("include/oa_stream/config/a.hpp", "#include <yaml-cpp/yaml.h>\n");
        }
    },
    Breach{
        "a source that no list names",
        "listed",
        "forgotten.cpp is not listed",
        [](const Tree& tree) { tree.write("src/base/forgotten.cpp", "\n"); }
    },
    Breach{
        "a source that the list of its folder does not name",
        "listed",
        "forgotten.cpp is not listed",
        [](const Tree& tree) {
            tree.write("src/base/part/CMakeLists.txt", "target_sources(oa_base PRIVATE a.cpp)\n");
            tree.write("src/base/part/a.cpp", "\n");
            tree.write("src/base/part/forgotten.cpp", "\n");
        }
    },
    Breach{
        "a source named in a comment only",
        "listed",
        "forgotten.cpp is not listed",
        [](const Tree& tree) {
            tree.write("src/base/forgotten.cpp", "\n");
            tree.write(
                "src/base/CMakeLists.txt", "oa_room(base SOURCES text.cpp) # forgotten.cpp\n"
            );
        }
    },
    Breach{
        "a test that no list names",
        "listed",
        "forgotten_test.cpp is not listed",
        [](const Tree& tree) { tree.write("tests/base/forgotten_test.cpp", "\n"); }
    },
    Breach{
        "a room without a list",
        "listed",
        "there is no CMakeLists.txt",
        [](const Tree& tree) { tree.write("src/turn/words.cpp", "\n"); }
    },
    Breach{
        "globbed sources",
        "listed",
        "not globbed",
        [](const Tree& tree) {
            tree.write("src/base/CMakeLists.txt", "file(GLOB all *.cpp)\noa_room(base text.cpp)\n");
        }
    },
    Breach{
        "a source of 401 lines",
        "length",
        "401 lines, at most 400",
        [](const Tree& tree) { tree.write("src/base/text.cpp", std::string(401, '\n')); }
    },
    Breach{
        "a header of 401 lines",
        "length",
        "401 lines, at most 400",
        [](const Tree& tree) { tree.write("src/base/own.hpp", std::string(401, '\n')); }
    },
    Breach{
        "a public header that only its own room includes",
        "public-header",
        "no other room includes it",
        [](const Tree& tree) {
            tree.write("include/oa_stream/base/alone.hpp", "\n");
            tree.write("src/base/own.hpp", "#include \"oa_stream/base/alone.hpp\"\n");
        }
    },
    Breach{
        "a public header that only a test includes",
        "public-header",
        "no other room includes it",
        [](const Tree& tree) {
            tree.write("include/oa_stream/base/alone.hpp", "\n");
            tree.write("tests/base/text_test.cpp", "#include \"oa_stream/base/alone.hpp\"\n");
        }
    },
    Breach{
        "a folder of 31 files",
        "folder",
        "31 files, at most 30",
        [](const Tree& tree) {
            for (int i = 0; i < 31; ++i) {
                tree.write("tests/base/deep/" + std::to_string(i) + ".json", "\n");
            }
        }
    },
    Breach{
        "an object file below src",
        "kind",
        "it is no source",
        [](const Tree& tree) { tree.write("src/base/text.cpp.o", "\n"); }
    },
    Breach{
        "a test of 601 lines",
        "length",
        "601 lines, at most 600",
        [](const Tree& tree) { tree.write("tests/base/text_test.cpp", std::string(601, '\n')); }
    },
    Breach{
        "the page shows another direction",
        "docs",
        "config may include base, the page says base,turn",
        [](const Tree& tree) {
            auto text = Tree::page();
            text.replace(
                text.find("`config` | things | `base`"), 26, "`config` | things | `base`, `turn`"
            );
            tree.write("docs/architecture.md", text);
        }
    },
    Breach{
        "the page forgets a room",
        "docs",
        "no row for room base",
        [](const Tree& tree) { tree.write("docs/architecture.md", "nothing\n"); }
    },
};

} // namespace

TEST_CASE("shape: this checkout keeps every rule of docs/architecture.md") {
    const auto findings = check_tree(OA_SOURCE_DIR);
    INFO(describe(findings));
    CHECK(findings.empty());
}

TEST_CASE("shape: a legal tree has no finding") {
    const Tree tree;
    const auto findings = tree.findings();
    INFO(describe(findings));
    CHECK(findings.empty());
}

TEST_CASE("shape: a folder of data may hold any number of cases") {
    const Tree tree;
    for (int i = 0; i < 40; ++i) {
        tree.write("tests/base/bad/" + std::to_string(i) + ".yaml", "\n");
    }
    CHECK(describe(tree.findings()).empty());
}

TEST_CASE("shape: what a public header includes of its own room is public") {
    const Tree tree;
    tree.write(
        "include/oa_stream/base/text.hpp",
        "#include <string>\n#include \"oa_stream/base/part.hpp\"\n"
    );
    tree.write("include/oa_stream/base/part.hpp", "#include \"oa_stream/base/word.hpp\"\n");
    tree.write("include/oa_stream/base/word.hpp", "\n");
    CHECK(describe(tree.findings()).empty());
    // A header that nobody outside needs makes nothing public.
    tree.write("include/oa_stream/base/alone.hpp", "#include \"oa_stream/base/more.hpp\"\n");
    tree.write("include/oa_stream/base/more.hpp", "\n");
    CHECK(tree.findings().size() == 2);
}

TEST_CASE("shape: each rule fails when it is broken") {
    for (const auto& breach : k_breaches) {
        DYNAMIC_SECTION(breach.name) {
            const Tree tree;
            breach.make(tree);
            const auto findings = tree.findings();
            INFO(describe(findings));
            CHECK(std::ranges::any_of(findings, [&](const Finding& finding) {
                return finding.rule == breach.rule &&
                       finding.text.find(breach.text) != std::string::npos;
            }));
        }
    }
}

TEST_CASE("shape: the table has no cycle, so include direction is an order") {
    std::vector<std::string_view> above;
    for (const auto& room : rooms()) {
        for (const auto& name : names(room)) {
            INFO(room.name << " includes " << name);
            CHECK(std::ranges::find(above, name) != above.end());
        }
        above.push_back(room.name);
    }
}
