#include "oa_stream/config/node.hpp"
#include "oa_stream/config/variables.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::config;

namespace {

struct Inserted {
    YamlNode root{};
    std::set<std::string, std::less<>> used{};
    std::vector<std::string> problems{};
    [[nodiscard]] const std::string& text(std::size_t i) const {
        return root.entries[i].value.text;
    }
};
Inserted insert(std::string_view text, const Values& values) {
    static constexpr std::array<std::string_view, 2> k_declared{"bake", "name"};
    Inserted out{.root = *parse_yaml(text, "f")};
    Problems problems("f");
    out.used = insert_values(out.root, values, k_declared, problems);
    for (const Problem& problem : problems.all()) {
        out.problems.push_back(problem.text());
    }
    return out;
}

} // namespace

TEST_CASE("variables: a value goes in as text wherever it is named, and is never YAML") {
    const auto got = insert(
        "a: \"${bake}\"\nb: x-${name}-${name}\nc: $${name}\nd: /api/{name}\n",
        {{"bake", "[1, 2]"}, {"name", "*y"}}
    );
    CHECK(got.problems.empty());
    CHECK(got.text(0) == "[1, 2]");
    CHECK(got.root.entries[0].value.kind == YamlKind::scalar);
    CHECK(got.text(1) == "x-*y-*y");
    CHECK(got.text(2) == "${name}");
    CHECK(got.text(3) == "/api/{name}");
    CHECK(got.used == std::set<std::string, std::less<>>{"bake", "name"});
}

TEST_CASE("variables: a value is not searched for variables again") {
    CHECK(insert("a: ${name}\n", {{"name", "${bake}"}}).text(0) == "${bake}");
}

TEST_CASE("variables: one without a value keeps its name, and its node is not judged") {
    const auto got = insert("a: ${bake}\n", {});
    CHECK(got.problems.empty());
    CHECK(got.text(0) == "${bake}");
    REQUIRE(got.root.entries[0].value.unset);
    Problems problems("f");
    const Node node(got.root.entries[0].value, problems, "a");
    CHECK(node.duration() == std::nullopt);
    CHECK(node.text() == "${bake}");
    CHECK(problems.empty());
}

TEST_CASE("variables: an unknown or broken one is refused where it stands") {
    CHECK(
        insert("a: 1\nb: ${bakee}\n", {}).problems ==
        std::vector<std::string>{"f:2:4: unknown variable 'bakee' (did you mean bake?)"}
    );
    CHECK(
        insert("b: ${bake\n", {}).problems ==
        std::vector<std::string>{"f:1:4: '${' has no '}' ($${ is the text ${)"}
    );
}

TEST_CASE("variables: settings are name=value, each name once, without control characters") {
    const std::vector<std::string> good{"a=b=c", "d="};
    const auto values = parse_settings(good);
    REQUIRE(values.has_value());
    CHECK(values->at("a") == "b=c");
    CHECK(values->at("d").empty());
    for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{
             {"a"}, {"=b"}, {"a=1", "a=2"}, {"a=b\nc"}, {"a=\x01"}, {"a=\xff"}
         }) {
        const auto got = parse_settings(bad);
        REQUIRE_FALSE(got.has_value());
        CHECK(got.error().code == Code::usage);
        CHECK(got.error().where.empty()); // the row of the option adds its name
    }
}
