#include "safe_json.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <chrono>
#include <string>

using namespace oa_stream;
using oa_stream::encode::safe_json;
using Clock = std::chrono::steady_clock;

namespace {

struct Row {
    const char* name;
    const char* in;
    const char* out;
};
constexpr std::array k_rows{
    Row{"plain values stay",
        R"j({"b":[1,2.5,"x",null,true],"a":{}})j",
        R"j({"b":[1,2.5,"x",null,true],"a":{}})j"},
    Row{"__proto__ is renamed", R"j({"__proto__":1})j", R"j({"__proto__ (renamed)":1})j"},
    Row{"also below arrays and objects",
        R"j([{"a":{"__proto__":{"__proto__":2}}}])j",
        R"j([{"a":{"__proto__ (renamed)":{"__proto__ (renamed)":2}}}])j"},
    Row{"constructor holding prototype is renamed",
        R"j({"constructor":{"prototype":{}}})j",
        R"j({"constructor (renamed)":{"prototype":{}}})j"},
    Row{"constructor that is null is renamed",
        R"j({"constructor":null})j",
        R"j({"constructor (renamed)":null})j"},
    Row{"constructor without it stays",
        R"j({"constructor":{"name":"x"}})j",
        R"j({"constructor":{"name":"x"}})j"},
    Row{"prototype alone stays", R"j({"prototype":1})j", R"j({"prototype":1})j"},
    Row{"a new name never takes an existing one",
        R"j({"__proto__":1,"__proto__ (renamed)":2})j",
        R"j({"__proto__ (renamed 2)":1,"__proto__ (renamed)":2})j"},
    Row{"strings that look like keys stay", R"j(["__proto__"])j", R"j(["__proto__"])j"},
};

Json nested(int levels) {
    Json value = 1;
    for (int i = 0; i < levels; ++i) {
        value = Json::array({std::move(value)});
    }
    return value;
}

} // namespace

TEST_CASE("safe json: keys that kill clients are renamed visibly at any depth") {
    for (const Row& row : k_rows) {
        DYNAMIC_SECTION(row.name) {
            CHECK(dump_json(safe_json(Json::parse(row.in))) == row.out);
        }
    }
}

TEST_CASE("safe json: many members take no longer than their number") {
    Json::object_t members;
    for (int n = 0; n < 100'000; ++n) {
        members.emplace_back("member " + std::to_string(n), n);
    }
    const Json value(std::move(members));
    const auto began = Clock::now();
    const auto safe = safe_json(value);
    CHECK(
        Clock::now() - began < std::chrono::seconds(2)
    ); // each looking at all before it: half a minute
    CHECK(safe.size() == 100'000);
}

TEST_CASE("safe json: 60 levels pass, deeper values become a string of their JSON") {
    CHECK(safe_json(nested(60)).is_array());
    const Json deeper = safe_json(nested(61));
    REQUIRE(deeper.is_string());
    CHECK(Json::parse(deeper.get<std::string>()) == nested(61));
    CHECK(safe_json(nested(200'000)) == "(left out: nested too deeply)");
}
