#include "oa_stream/config/yaml.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::config;

namespace {

std::string refusal(std::string_view text, YamlLimits limits = {}) {
    const auto got = parse_yaml(text, "f.yaml", limits);
    return got ? "accepted" : got.error().text();
}

} // namespace

TEST_CASE("yaml: every value and key knows its line and column, in code points") {
    const auto root = parse_yaml("# c\nä: { ö: x, b: [1, \"2\"] }\nlast:\n  - y\n", "f.yaml");
    REQUIRE(root.has_value());
    REQUIRE(root->entries.size() == 2);
    const YamlEntry& first = root->entries[0];
    CHECK(first.key == "ä");
    CHECK(first.at == Position{2, 1});
    CHECK(first.value.at == Position{2, 4});
    CHECK(first.value.entries[0].value.at == Position{2, 9});
    const YamlNode& list = first.value.entries[1].value;
    CHECK(list.kind == YamlKind::list);
    CHECK(list.at == Position{2, 15});
    CHECK_FALSE(list.items[0].quoted);
    CHECK(list.items[1].quoted);
    CHECK(list.items[1].at == Position{2, 19});
    CHECK(root->entries[1].value.items[0].at == Position{4, 5});
}

TEST_CASE("yaml: a byte order mark and Windows line ends do not shift positions") {
    const auto root = parse_yaml(
        "\xEF\xBB\xBF"
        "a: 1\r\nb: 2\r\n",
        "f.yaml"
    );
    REQUIRE(root.has_value());
    CHECK(root->entries[0].at == Position{1, 1});
    CHECK(root->entries[0].value.text == "1");
    CHECK(root->entries[1].value.at == Position{2, 4});
}

TEST_CASE("yaml: what turns the line round is only shown: stored plans have it in prompts") {
    const auto root = parse_yaml("a: \"x\\u2067y\\u2028z\"\n", "f.yaml");
    REQUIRE(root.has_value());
    CHECK(root->entries[0].value.text == "x\u2067y\u2028z");
}

TEST_CASE("yaml: nothing, ~ and null are null; in quotes they are text") {
    const auto root = parse_yaml("a:\nb: ~\nc: null\nd: 'null'\ne: |\n  ~\n", "f.yaml");
    REQUIRE(root.has_value());
    const std::array kinds{
        YamlKind::null, YamlKind::null, YamlKind::null, YamlKind::scalar, YamlKind::scalar
    };
    for (std::size_t i = 0; i < kinds.size(); ++i) {
        CHECK(root->entries[i].value.kind == kinds[i]);
    }
    CHECK(root->entries[1].value.text == "~");
    CHECK(root->entries[4].value.quoted);
}

TEST_CASE("yaml: what other readers would expand, merge or guess is refused") {
    struct Row {
        const char* name;
        const char* text;
        const char* want;
    };
    static const std::array k_rows{
        Row{"alias", "a: &x 1\nb: *x\n", "f.yaml:1:4: anchors are refused, found &x"},
        Row{"cycle", "&x [*x]\n", "f.yaml:1:1: anchors are refused, found &x"},
        Row{"free alias", "b: *x\n", "f.yaml:1:4: "},
        Row{"tag", "a: !!str 1\n", "f.yaml:1:4: tags are refused, found !!str"},
        Row{"bare tag", "a: ! x\n", "f.yaml:1:4: tags are refused, found !"},
        Row{"tag on a list", "a: !mine [1]\n", "f.yaml:1:4: tags are refused"},
        Row{"tag on nothing", "a: !!null\n", "f.yaml:1:4: tags are refused"},
        Row{"anchor on a map", "a: &m { b: 1 }\n", "f.yaml:1:4: anchors are refused, found &m"},
        Row{"escape", "a: \"x\\e[31m\"\n", "f.yaml:1:4: control character U+001B in a text"},
        Row{"bell", "a: [\"x\\u0007\"]\n", "f.yaml:1:5: control character U+0007 in a text"},
        Row{"c1", "a: \"x\\u009bm\"\n", "f.yaml:1:4: control character U+009B in a text"},
        Row{"in a key", "\"a\\u001b\": 1\n", "f.yaml:1:1: control character U+001B in a text"},
        Row{"merge", "a:\n  <<: { b: 1 }\n", "f.yaml:2:3: merge keys are refused"},
        Row{"duplicate", "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key 'a' is given twice, first at 1:1"},
        Row{"duplicate in quotes", "a: 1\n'a': 3\n", "f.yaml:2:1: key 'a' is given twice"},
        Row{"two documents", "a: 1\n---\nb: 1\n", "f.yaml:2:1: a second document"},
        Row{"two documents, second empty", "a: 1\n---\n", ": a second document"},
        Row{"empty", "", "f.yaml:1:1: the file is empty"},
        Row{"map as key", "{ {a: 1}: 2 }\n", "f.yaml:1:3: a key must be a word"},
        Row{"empty key", ": 2\n", ": a key must be a word"},
        Row{"not YAML", "a: [1\n", "f.yaml:2:1: no valid YAML: end of sequence flow not found"},
        Row{"colon in a plain word", "a: b: c\n", "f.yaml:1:5: no valid YAML: illegal map value"},
        Row{"NUL", "a: \x01\n", "f.yaml:1:4: control character \\x01"},
        Row{"lone carriage return", "a: 1\rb: 2\n", "f.yaml:1:5: control character \\x0d"},
        Row{"not UTF-8", "a: 1\nb: \xC3(\n", "f.yaml:2:4: no valid UTF-8"},
    };
    const auto row = GENERATE(from_range(k_rows));
    DYNAMIC_SECTION(row.name) {
        const std::string got = refusal(row.text);
        CAPTURE(got);
        CHECK(got.contains(row.want));
        CHECK_FALSE(got.contains('\n'));
    }
}

TEST_CASE("yaml: size and depth are bounded") {
    const std::string big = "a: " + std::string(1'000'000, 'x');
    CHECK(refusal(big) == "f.yaml: 1000003 bytes, at most 1000000 are read");
    CHECK(refusal("a: [[[1]]]", {.depth = 3}).contains("nested deeper than 3 levels"));
    CHECK(refusal("a: [[1]]", {.depth = 3}) == "accepted");
    for (const auto& [open, close] :
         {std::pair{"[", "]"}, {"{a: ", "}"}, {"- ", ""}, {"? ", ""}, {"[", ""}}) {
        std::string deep;
        for (int i = 0; i < 20000; ++i) {
            deep += open;
        }
        for (int i = 0; i < 20000; ++i) {
            deep += close;
        }
        const std::string got = refusal(deep);
        CAPTURE(open, got);
        CHECK(got.starts_with("f.yaml:1:"));
        const bool said = got.contains("nested deeper than 32 levels");
        CHECK((said || *close == '\0'));
    }
}

TEST_CASE("yaml: many keys are read in linear time") {
    std::string text;
    for (int i = 0; i < 20000; ++i) {
        text += "key" + std::to_string(i) + ": 1\n";
    }
    const auto root = parse_yaml(text, "f.yaml");
    REQUIRE(root.has_value());
    CHECK(root->entries.size() == 20000);
}
