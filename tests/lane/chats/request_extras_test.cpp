// What stands beside the messages of a chat request: what is honoured, ignored and refused.
#include "../lane_rig.hpp"
#include "chats/request_extras.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

using namespace oa_stream;
using namespace oa_stream::lane;
using namespace oa_stream::test;

namespace {

const std::array k_models{LaneModel{"small", "Small"}, LaneModel{"large", "Large"}};

std::vector<authority::ModelInfo> known_models() {
    return {
        {.id = "small", .efforts = {"low", "high"}, .default_effort = "low"},
        {.id = "large", .efforts = {"max"}, .default_effort = "max"},
    };
}

LaneAllowed everything() {
    return {.model = true, .system = true, .effort = true, .tools = true};
}

/// "model=… effort=… system=… ignored=a,b", or "422 field".
std::string
told(std::string_view body, LaneAllowed allowed = {}, bool strict = false, bool knows = true) {
    const auto known = knows ? known_models() : std::vector<authority::ModelInfo>();
    const ExtrasContext context{
        .allowed = allowed, .models = k_models, .known = known, .model = "small", .strict = strict
    };
    const auto read = read_extras(parse_json(body).value(), context);
    if (!read) {
        const auto& fields = read.error().fields;
        return fmt::format(
            "{} {}", read.error().status, fields.empty() ? "-" : fields.front().first
        );
    }
    return fmt::format(
        "model={} effort={} system={} ignored={}",
        read->model,
        read->effort,
        read->system,
        fmt::join(read->ignored.listed(), ",")
    );
}

struct Row {
    std::string_view body;
    std::string_view told;
};

} // namespace

TEST_CASE("extras: what is not honoured is named, unless it asks for what is so anyway") {
    static const std::array k_rows{
        Row{R"({})", "model= effort= system= ignored="},
        Row{R"({"model":"large"})", "model= effort= system= ignored=model"},
        Row{R"({"model":"small"})", "model= effort= system= ignored="},
        Row{R"({"modelName":"large"})", "model= effort= system= ignored=modelName"},
        Row{R"({"config":{"modelName":"large","x":1}})",
            "model= effort= system= ignored=config.modelName,config.x"},
        Row{R"({"model":"small","modelName":"large","config":{"modelName":"none"}})",
            "model= effort= system= ignored=modelName,config.modelName"},
        Row{R"({"config":{"effort":"high"},"reasoning":{"modelName":"large"}})",
            "model= effort= system= ignored=config.effort,reasoning.modelName"},
        Row{R"({"effort":"high"})", "model= effort= system= ignored=effort"},
        Row{R"({"effort":"high","reasoning":{"effort":"high"}})",
            "model= effort= system= ignored=effort,reasoning.effort"},
        Row{R"({"reasoning":{"effort":"high","summary":"auto"}})",
            "model= effort= system= ignored=reasoning.effort,reasoning.summary"},
        Row{R"({"reasoning":{"effort":"","summary":null}})", "model= effort= system= ignored="},
        Row{R"({"system":"be good"})", "model= effort= system= ignored=system"},
        Row{R"({"messages":[{"role":"system","content":"a"},{"role":"user","content":"b"},)"
            R"({"role":"Developer","content":"c"}]})",
            "model= effort= system= ignored=messages[0],messages[2]"},
        Row{R"({"tools":{"f":{"parameters":{}}}})", "model= effort= system= ignored=tools"},
        Row{R"({"tools":[],"metadata":{},"runConfig":null,"callSettings":false})",
            "model= effort= system= ignored="},
        Row{R"({"metadata":{"a":1},"temperature":1})",
            "model= effort= system= ignored=metadata,temperature"},
        Row{R"({"temperature":null})", "model= effort= system= ignored=temperature"},
        Row{R"({"parentId":"p","requestId":"r","resume":true,"unstable_assistantMessageId":"m"})",
            "model= effort= system= ignored="},
        Row{R"({"model":{"provider":"x","id":"y"},"effort":3,"system":["a"]})",
            "model= effort= system= ignored=model,effort,system"},
        Row{R"({"config":{"modelName":{"a":1}},"modelName":7,"reasoning":{"effort":5}})",
            "model= effort= system= ignored=modelName,config.modelName,reasoning.effort"},
        Row{R"({"a b\nü":1})", "model= effort= system= ignored=a-b---"},
        Row{R"({"":1})", "model= effort= system= ignored=-"},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.body);
        CHECK(told(row.body) == row.told);
    }
}

TEST_CASE("extras: what is honoured is taken, by the first name that says something") {
    static const std::array k_rows{
        Row{R"({"model":"large","modelName":"small"})",
            "model=large effort= system= ignored=modelName"},
        Row{R"({"model":"large","modelName":"large","config":{"modelName":7}})",
            "model=large effort= system= ignored=config.modelName"},
        Row{R"({"model":" ","modelName":"large"})", "model=large effort= system= ignored="},
        Row{R"({"model":null,"config":{"modelName":"large"}})",
            "model=large effort= system= ignored="},
        Row{R"({"model":"huge"})", "422 model"},
        Row{R"({"config":{"modelName":7}})", "422 config.modelName"},
        Row{R"({"effort":"high"})", "model= effort=high system= ignored="},
        Row{R"({"effort":"max"})", "422 effort"},
        Row{R"({"model":"large","effort":"max"})", "model=large effort=max system= ignored="},
        Row{R"({"reasoning":{"effort":"low"}})", "model= effort=low system= ignored="},
        Row{R"({"reasoningEffort":"low","reasoning_effort":"low","reasoning":{"effort":"high"}})",
            "model= effort=low system= ignored=reasoning.effort"},
        Row{R"({"reasoningEffort":"nothing like it"})", "422 reasoningEffort"},
        Row{R"({"system":"be good"})", "model= effort= system=be good ignored="},
        Row{R"({"system":7})", "422 system"},
        Row{R"({"system":"a","messages":[{"role":"system","content":"b"},)"
            R"({"role":"system","content":""},{"role":"developer","content":"c"}]})",
            "model= effort= system=a\n\nb\n\nc ignored="},
        Row{R"({"tools":[]})", "model= effort= system= ignored="},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.body);
        CHECK(told(row.body, everything()) == row.told);
    }
    CHECK(
        told(R"({"effort":"any"})", everything(), false, false) ==
        "model= effort=any system= ignored="
    );
}

TEST_CASE("extras: the reason of a new decision is named, as nobody is told it") {
    const auto body = [](std::string_view state, std::string_view approval) {
        return fmt::format(
            R"({{"messages":[{{"role":"user","parts":[{{"state":"approval-responded",)"
            R"("approval":{{"reason":"old"}}}}]}},{{"role":"assistant","parts":[)"
            R"({{"type":"text"}},{{"state":"{}","approval":{}}}]}}]}})",
            state,
            approval
        );
    };
    CHECK(
        told(body("approval-responded", R"({"reason":"why not"})")) ==
        "model= effort= system= ignored=messages[1].parts[1].approval.reason"
    );
    CHECK(
        told(body("approval-responded", R"({"reason":" "})")) == "model= effort= system= ignored="
    );
    constexpr std::string_view k_lone =
        R"({"message":{"role":"assistant","parts":[{"state":"approval-responded",)"
        R"("approval":{"reason":"why not"}}]}})";
    CHECK(told(k_lone) == "model= effort= system= ignored=message.parts[0].approval.reason");
    CHECK(told(k_lone, {}, true) == "422 message.parts[0].approval.reason");
    CHECK(
        told(body("output-available", R"({"reason":"why not"})")) ==
        "model= effort= system= ignored="
    );
}

TEST_CASE("extras: a strict lane refuses what it would ignore") {
    CHECK(told(R"({"model":"small","tools":[]})", {}, true) == "model= effort= system= ignored=");
    CHECK(told(R"({"model":"large"})", {}, true) == "422 model");
    CHECK(told(R"({"temperature":1})", everything(), true) == "422 temperature");
}

TEST_CASE("extras: no more names are told than a header can hold, and each once where they are new"
) {
    Json body = Json::object();
    for (int i = 0; i < 40; ++i) {
        body[fmt::format("x{:02}", i)] = 1;
    }
    body["x" + std::string(100, 'y')] = 1;
    auto read = read_extras(body, {});
    REQUIRE(read);
    const auto names = read->ignored.listed();
    REQUIRE(names.size() == 33);
    CHECK(names[31] == "x31");
    CHECK(names[32] == "and-9-more");
    CHECK(ignore_more(*read, false, {"x39", "x31"})); // one that is not told, and one that is
    CHECK(read->ignored.listed() == names);
    const auto all = reject_ignored(read->ignored);
    CHECK(all.message.ends_with("and-9-more"));
    REQUIRE(all.fields.size() == 32);
    CHECK(all.fields.back().first == "x31");

    const auto given = std::string(100, 'z');
    auto some = read_extras(Json::object({{"a", 1}}), {}, {given}).value();
    CHECK(some.ignored.listed() == std::vector{given.substr(0, 64), std::string("a")});
    CHECK(ignore_more(some, false, {"a", "b", "b"}));
    CHECK(
        some.ignored.listed() ==
        std::vector{given.substr(0, 64), std::string("a"), std::string("b")}
    );
    CHECK(ignore_more(some, true, {}));
    const auto refused = ignore_more(some, true, {"c"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == "unsupported_field");
    CHECK(ignore_more(*read, false, {"another"}));
    CHECK(read->ignored.listed().back() == "and-10-more");
    CHECK(ignore_first(*read, false, {"messages[0].b", "messages[0].a"}));
    const auto told = read->ignored.listed();
    REQUIRE(told.size() == 33);
    CHECK(told[0] == "messages[0].b");
    CHECK(told[1] == "messages[0].a");
    CHECK(told[31] == "x29");
    CHECK(told[32] == "and-12-more");
}

TEST_CASE("extras: a system prompt is honoured where the authority can be told it") {
    struct Prompt {
        std::string_view body, name;
    };
    static constexpr std::array k_prompts{
        Prompt{R"({"system":"be good","messages":[{"role":"user","content":"hi"}]})", "system"},
        Prompt{
            R"({"messages":[{"role":"developer","content":["be","good"]},)"
            R"({"role":"user","content":"hi"}]})",
            "messages[0]"
        },
    };
    for (const auto& [body, name] : k_prompts) {
        for (const bool takes : {true, false}) {
            CAPTURE(body, takes);
            auto config = LaneRig::quick();
            config.allowed.system = true;
            LaneRig rig(std::move(config));
            rig.authority.able.developer = takes;
            const auto stream = rig.open(rig.post("/api/chats/c/stream", body));
            rig.until("the stream", [&] { return stream->has("start-step"); });
            const auto ignored = stream->head.headers.get("x-oa-ignored").value_or("");
            CHECK(ignored == (takes ? "" : name));
            const auto& told = rig.authority.last().request.developer;
            CHECK(told == (!takes ? "" : name == "system" ? "be good" : "be\ngood"));
        }
        auto config = LaneRig::quick();
        config.allowed.system = true;
        config.strict_body = true;
        LaneRig rig(std::move(config));
        const auto refused = rig.send(rig.post("/api/chats/c/stream", body));
        CHECK(refused.status == 422);
        CHECK(refused.body.contains("unsupported_field"));
        CHECK(rig.authority.starts == 0);
    }
}

TEST_CASE("extras: a system prompt is told once, and again after a turn of another lane") {
    auto config = LaneRig::quick();
    config.allowed.system = true;
    LaneRig rig(std::move(config));
    rig.authority.able.developer = true;
    const auto told = [&rig](std::string_view id) {
        auto body = parse_json(user_message("hi", id)).value();
        body["system"] = "be good";
        const auto stream = rig.open(rig.post("/api/chats/c/stream", dump_json(body)));
        rig.until("the turn", [&] { return stream->has("start-step"); });
        rig.authority.last().say("x");
        rig.complete(stream);
        return rig.authority.last().request.developer;
    };
    CHECK(told("u1") == "be good");
    CHECK(told("u2").empty());
    rig.ids->note_turn("", "c", "a message", "turn-of-another-lane");
    CHECK(told("u3") == "be good");
    CHECK(told("u4").empty());
}
