// What can be said about the control smoke without a service: its page, its words, its shapes.
#include "oa_stream/base/file.hpp"
#include "oa_stream/probe/control_smoke.hpp"

#include "control/control_shape.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <array>
#include <set>

using namespace oa_stream;
using namespace oa_stream::probe;

TEST_CASE("control smoke: docs/smoke-control.md has a row for each check, and no other") {
    const auto page = read_file(OA_SOURCE_DIR "/docs/smoke-control.md").value();
    std::set<std::string_view> names;
    std::string rows;
    for (const SmokeRule& rule : control_rules()) {
        CHECK(names.insert(rule.name).second);
        rows += fmt::format(
            "| `{}` | {} | {} |\n", rule.name, rule.required ? "yes" : "–", rule.statement
        );
    }
    CHECK(page.contains("| --- | --- | --- |\n" + rows + "\n"));
}

TEST_CASE("control smoke: profiles by their words, and no other") {
    CHECK(parse_control_profile("").error().code == Code::usage);
    for (const auto word : k_control_profile_words) {
        CHECK(to_string(parse_control_profile(word).value()) == word);
    }
    CHECK(parse_control_profile("none").error().code == Code::usage);
}

TEST_CASE("shapes: the first member that is not as it must be is named with what was seen") {
    const Json json =
        parse_json(R"({"data":{"id":"x","none":null,"n":3,"minus":-1,"yes":true,"empty":"",)"
                   R"("list":[1],"o":{}}})")
            .value();
    const auto wrong = [&](std::string_view path, Shape shape) {
        const std::array wanted{MemberShape{path, shape}};
        return shape_error(json, wanted);
    };
    struct Case {
        std::string_view path;
        Shape shape;
        std::string_view said; ///< empty: good
    };
    const std::array cases{
        Case{"data.id", Shape::text, ""},
        Case{"data.empty", Shape::text, R"(data.empty: expected a text, saw "")"},
        Case{"data.none", Shape::text, "data.none: expected a text, saw null"},
        Case{"data.none", Shape::maybe_text, ""},
        Case{"data.missing", Shape::maybe_text, ""},
        Case{"data.n", Shape::maybe_text, "data.n: expected a text or null, saw 3"},
        Case{"data.n", Shape::whole, ""},
        Case{"data.minus", Shape::whole, "data.minus: expected a whole number, saw -1"},
        Case{"data.yes", Shape::boolean, ""},
        Case{"data.n", Shape::boolean, "data.n: expected true or false, saw 3"},
        Case{"data.list", Shape::list, ""},
        Case{"data.o", Shape::list, "data.o: expected a list, saw an object"},
        Case{"data.list", Shape::object, "data.list: expected an object, saw a list of 1"},
        Case{"data.none", Shape::present, "data.none: expected a value, saw null"},
        Case{"data.id.deeper", Shape::present, "data.id.deeper: expected a value, saw nothing"},
    };
    for (const Case& one : cases) {
        CAPTURE(one.path);
        CHECK(wrong(one.path, one.shape) == one.said);
    }
}
