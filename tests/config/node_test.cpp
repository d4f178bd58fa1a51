#include "reader.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::config;

namespace {

/// A file with its one mapping, read by the test.
struct File {
    YamlNode root;
    Problems problems{"f.yaml"};
    explicit File(std::string_view text) : root(*parse_yaml(text, "f.yaml")) {}
    SectionReader reader() { return SectionReader(Node(root, problems, "")); }
    [[nodiscard]] std::string first() const {
        const auto result = problems.result();
        return result ? "" : result.error().text();
    }
};

} // namespace

TEST_CASE("reader: finish() names every key that nobody asked for, with the nearest") {
    File file("bakes: 10m\nzzz: 1\nname: x\n");
    SectionReader reader = file.reader();
    static_cast<void>(reader.find("bake"));
    static_cast<void>(reader.find("name"));
    reader.finish();
    REQUIRE(file.problems.all().size() == 2);
    CHECK(file.problems.all()[0].text() == "f.yaml:1:1: unknown key 'bakes' (did you mean bake?)");
    CHECK(file.problems.all()[1].text() == "f.yaml:2:1: unknown key 'zzz' (there are bake, name)");
}

TEST_CASE("reader: an unknown key is rather one that is not there yet than one that is") {
    File file("stagez: 1\nstage: 2\n");
    SectionReader reader = file.reader();
    static_cast<void>(reader.find("stage"));
    static_cast<void>(reader.find("stages"));
    reader.finish();
    CHECK(file.first() == "f.yaml:1:1: unknown key 'stagez' (did you mean stages?)");
}

TEST_CASE("reader: what is missing is told with what was expected") {
    File file("a: 1\n");
    SectionReader reader = file.reader();
    CHECK(reader.require("bake", "a duration like 10m") == std::nullopt);
    CHECK(file.first() == "f.yaml:1:1: bake is missing, expected a duration like 10m");
}

TEST_CASE("reader: something else than a mapping is one problem, not many") {
    File file("- a\n");
    SectionReader reader = file.reader();
    CHECK(reader.require("name", "a text") == std::nullopt);
    CHECK(reader.find("bake") == std::nullopt);
    reader.finish();
    CHECK(file.problems.all().size() == 1);
    CHECK(file.first() == "f.yaml:1:1: expected a mapping, found a list");
}

TEST_CASE("node: a plain word that YAML readers disagree about is not text, in quotes it is") {
    for (const char* word : {"yes",   "No",  "ON",    "off",      "y",    "N",    "true", "FALSE",
                             "12",    "1.5", "-3",    "+3",       "010",  "0x1f", "0o17", "0b1",
                             "1_000", "1e3", "12:30", "12:30:45", ".inf", ".NaN"}) {
        CAPTURE(word);
        File plain("a: " + std::string(word) + "\n");
        CHECK(Node(plain.root.entries[0].value, plain.problems, "a").text() == std::nullopt);
        CHECK(plain.first().contains("may be read as something else"));
        File quoted("a: \"" + std::string(word) + "\"\n");
        CHECK(Node(quoted.root.entries[0].value, quoted.problems, "a").text() == word);
    }
    for (const char* word : {"yesterday", "1a", "v1.2", "http://h:1", "a:b", "a-1", "10m", "e3"}) {
        CAPTURE(word);
        File plain("a: " + std::string(word) + "\n");
        CHECK(Node(plain.root.entries[0].value, plain.problems, "a").text() == word);
    }
}

TEST_CASE("node: numbers and booleans in quotes are texts") {
    File file("a: \"7\"\nb: \"true\"\nc: 08\nd: 1.0\ne: -1\nf: 99\n");
    const auto at = [&](std::size_t i) {
        return Node(file.root.entries[i].value, file.problems, "x");
    };
    CHECK(at(0).count() == std::nullopt);
    CHECK(at(1).boolean() == std::nullopt);
    CHECK(at(2).count() == std::nullopt);
    CHECK(at(3).count() == std::nullopt);
    CHECK(at(4).count() == std::nullopt);
    CHECK(at(5).count(0, 98) == std::nullopt);
    CHECK(file.problems.all().size() == 6);
    CHECK(file.problems.all()[5].message == "x: '99' is not a whole number from 0 to 98");
}

TEST_CASE("node: words joined by a bar, each once") {
    static constexpr std::array<std::string_view, 3> k_events{"any", "http_5xx", "lost"};
    File file("a: http_5xx | lost\nb: lost|any\nc: lost | lost\nd: http_5x\ne: any |\n");
    const auto at = [&](std::size_t i) {
        return Node(file.root.entries[i].value, file.problems, "x").some_of(k_events);
    };
    CHECK(at(0) == std::vector<std::size_t>{1, 2});
    CHECK(at(1) == std::vector<std::size_t>{2, 0});
    CHECK(at(2) == std::nullopt);
    CHECK(at(3) == std::nullopt);
    CHECK(file.problems.all().back().hint == "did you mean http_5xx?");
    CHECK(at(4) == std::nullopt);
}

TEST_CASE("problems: ten at most, the rest is counted; one value, one problem") {
    Problems problems("f.yaml");
    problems.add({2, 1}, "a", "first");
    problems.add({2, 1}, "a", "the same value again");
    CHECK(problems.all().size() == 1);
    for (std::size_t i = 0; i < 12; ++i) {
        problems.add({20 - i, 1}, "b", "more");
    }
    CHECK(problems.all().size() == 10);
    CHECK(problems.dropped() == 3);
    CHECK(problems.result().error().where == "f.yaml:2:1");
    problems.sort();
    CHECK(problems.all().front().at.line == 2);
    CHECK(problems.all().back().at.line == 20);
}
