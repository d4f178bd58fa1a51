// Profile responses: each rule is found, and nothing else where that can be.
#include "support.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace oa_stream;
using namespace oa_stream::contract;

namespace {

constexpr std::string_view k_stream = R"([
{"type":"response.created","response":{"id":"resp_1","object":"response","created_at":5,"model":"m","status":"in_progress","output":[],"error":null,"incomplete_details":null,"instructions":null,"metadata":{},"tools":[],"tool_choice":"auto","parallel_tool_calls":true,"usage":null}},
{"type":"response.in_progress","response":{"id":"resp_1","object":"response","created_at":5,"model":"m","status":"in_progress","output":[],"error":null,"incomplete_details":null,"instructions":null,"metadata":{},"tools":[],"tool_choice":"auto","parallel_tool_calls":true,"usage":null}},
{"type":"response.output_item.added","output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}},
{"type":"response.content_part.added","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}},
{"type":"response.output_text.delta","item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hi"},
{"type":"response.output_text.done","item_id":"msg_1","output_index":0,"content_index":0,"text":"Hi"},
{"type":"response.content_part.done","item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"Hi","annotations":[]}},
{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]}},
{"type":"response.output_item.added","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"in_progress","call_id":"c","name":"f","arguments":""}},
{"type":"response.function_call_arguments.delta","item_id":"fc_1","output_index":1,"delta":"{}"},
{"type":"response.function_call_arguments.done","item_id":"fc_1","output_index":1,"name":"f","arguments":"{}"},
{"type":"response.output_item.done","output_index":1,"item":{"id":"fc_1","type":"function_call","status":"completed","call_id":"c","name":"f","arguments":"{}"}},
{"type":"response.completed","response":{"id":"resp_1","object":"response","created_at":5,"model":"m","status":"completed","output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hi","annotations":[]}]},{"id":"fc_1","type":"function_call","status":"completed","call_id":"c","name":"f","arguments":"{}"}],"error":null,"incomplete_details":null,"instructions":null,"metadata":{},"tools":[],"tool_choice":"auto","parallel_tool_calls":true,"usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":1},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5}}}
])";

using Break = std::function<void(Json& events)>;

std::string bytes_of(Json events, bool named = true) {
    std::string out;
    std::int64_t next = 0;
    for (Json& event : events) {
        if (!event.contains("sequence_number")) {
            event["sequence_number"] = next;
        }
        next = event.at("sequence_number").get<std::int64_t>() + 1;
        out += (named ? "event: " + event.at("type").get<std::string>() + "\n" : std::string()) +
               "data: " + dump_json(event) + "\n\n";
    }
    return out;
}

std::set<std::string> found(const Break& breaks, std::size_t cut = k_whole) {
    Json events = Json::parse(k_stream);
    breaks(events);
    const auto judgement = judge_bytes(bytes_of(std::move(events)), cut, Profile::responses);
    auto out = ids(judgement.violations);
    out.merge(ids(judgement.warnings));
    return out;
}

Json& end_of(Json& events) {
    return events.back().at("response");
}

/// Another call behind the first, of this call_id.
void call_again(Json& events, std::string_view call) {
    for (std::size_t at = 8; at < 12; ++at) {
        Json event = events[at];
        event["output_index"] = 2;
        if (event.contains("item")) {
            event["item"]["id"] = "fc_2";
            event["item"]["call_id"] = call;
        } else {
            event["item_id"] = "fc_2";
        }
        events.insert(events.begin() + static_cast<std::ptrdiff_t>(at + 4), event);
    }
    end_of(events)["output"].push_back(Json(events[15]["item"]));
}

struct Row {
    std::string_view name;
    std::string_view want; ///< is found
    Break breaks;
};
const std::vector<Row> k_rows{
    {"a gap in the numbers", "V1", [](Json& e) { e[4]["sequence_number"] = 9; }},
    {"no created", "V2", [](Json& e) { e.erase(0); }},
    {"created again", "V2", [](Json& e) { e[3] = e[0]; }},
    {"an id without prefix", "V3", [](Json& e) { e[0]["response"]["id"] = "1"; }},
    {"milliseconds", "V3", [](Json& e) { end_of(e)["created_at"] = 1'700'000'000'000; }},
    {"no tools", "V3", [](Json& e) { end_of(e).erase("tools"); }},
    {"no output", "V3", [](Json& e) { end_of(e).erase("output"); }},
    {"another model", "V4", [](Json& e) { end_of(e)["model"] = "n"; }},
    {"another type of item", "V5", [](Json& e) { e[2]["item"]["type"] = "web_search_call"; }},
    {"a call without call_id", "V5", [](Json& e) { e[8]["item"].erase("call_id"); }},
    {"a message of no status that there is",
     "V5",
     [](Json& e) { e[2]["item"]["status"] = "finished"; }},
    {"a text without annotations",
     "V5",
     [](Json& e) { e[7]["item"]["content"][0].erase("annotations"); }},
    {"the id of an item again", "V5", [](Json& e) { e[8]["item"]["id"] = "msg_1"; }},
    {"the call_id of a call again", "V5", [](Json& e) { call_again(e, "c"); }},
    {"the end of another call", "V6", [](Json& e) { e[11]["item"]["call_id"] = "d"; }},
    {"the end of a call of another function", "V6", [](Json& e) { e[11]["item"]["name"] = "g"; }},
    {"an index left out", "V6", [](Json& e) { e[8]["output_index"] = 2; }},
    {"an item without its end", "V10", [](Json& e) { e.erase(11); }},
    {"a delta without its item", "V7", [](Json& e) { e.erase(2); }},
    {"a delta outside of its part", "V7", [](Json& e) { e.erase(3); }},
    {"an empty delta", "V7", [](Json& e) { e[4]["delta"] = ""; }},
    {"a part of another type", "V7", [](Json& e) { e[3]["part"]["type"] = "text"; }},
    {"a part without a type at its end", "V7", [](Json& e) { e[6]["part"].erase("type"); }},
    {"logprobs of another type", "V7", [](Json& e) { e[4]["logprobs"] = 1; }},
    {"a delta of another item", "V7", [](Json& e) { e[4]["item_id"] = "fc_1"; }},
    {"another text when done", "V8", [](Json& e) { e[5]["text"] = "Ho"; }},
    {"another text in the item", "V8", [](Json& e) { e[7]["item"]["content"][0]["text"] = "Ho"; }},
    {"arguments of another function", "V8", [](Json& e) { e[10]["name"] = "g"; }},
    {"other arguments", "V8", [](Json& e) { e[10]["arguments"] = "{ }"; }},
    {"another status", "V9", [](Json& e) { end_of(e)["status"] = "in_progress"; }},
    {"something behind the end", "V9", [](Json& e) { e.push_back(e[4]); }},
    {"an empty output", "V10", [](Json& e) { end_of(e)["output"] = Json::array(); }},
    {"an error though completed",
     "V11",
     [](Json& e) { end_of(e)["error"] = Json{{"code", "c"}, {"message", "m"}}; }},
    {"failed without an error",
     "V11",
     [](Json& e) {
         e.back()["type"] = "response.failed";
         end_of(e)["status"] = "failed";
     }},
    {"incomplete without details",
     "V11",
     [](Json& e) {
         e.back()["type"] = "response.incomplete";
         end_of(e)["status"] = "incomplete";
     }},
    {"a wrong sum", "V12", [](Json& e) { end_of(e)["usage"]["total_tokens"] = 9; }},
    {"no details", "V12", [](Json& e) { end_of(e)["usage"].erase("input_tokens_details"); }},
    {"counts at the beginning",
     "V12",
     [](Json& e) { e[0]["response"]["usage"] = end_of(e)["usage"]; }},
    {"an output at the beginning",
     "V2",
     [](Json& e) { e[0]["response"]["output"].push_back(e[7]["item"]); }},
    {"an item in progress in a completed response",
     "V5",
     [](Json& e) { e[7]["item"]["status"] = end_of(e)["output"][0]["status"] = "in_progress"; }},
    {"a refusal that no piece has",
     "V8",
     [](Json& e) {
         Json& item = e[7]["item"];
         item["content"].push_back(Json{{"type", "refusal"}, {"refusal", "No."}});
         end_of(e)["output"][0] = item;
     }},
    {"an event of an error that has none",
     "V11",
     [](Json& e) { e.back() = Json{{"type", "error"}, {"error", nullptr}}; }},
    {"an event of an error without a message",
     "V11",
     [](Json& e) { e.back() = Json{{"type", "error"}, {"error", {{"code", "c"}}}}; }},
    {"no end", "V13", [](Json& e) { e.erase(12); }},
    {"an unknown event", "V14", [](Json& e) { e[4]["type"] = "response.dance.started"; }},
    {"failed without an event of the error",
     "V15",
     [](Json& e) {
         e.back()["type"] = "response.failed";
         end_of(e)["status"] = "failed";
         end_of(e)["error"] = Json{{"code", "c"}, {"message", "m"}};
     }},
};

} // namespace

TEST_CASE("responses: a legal stream breaks nothing, wherever its bytes are cut") {
    for (const std::size_t cut : {k_whole, std::size_t{1}, std::size_t{7}}) {
        CHECK(found([](Json&) {}, cut).empty());
    }
    const auto nameless =
        judge_bytes(bytes_of(Json::parse(k_stream), false), k_whole, Profile::responses);
    CHECK(ids(nameless.violations) == std::set<std::string>{"V1"});
}

TEST_CASE("responses: an event's name ends with it") {
    const auto without_one = [](std::string_view name, std::string_view instead) {
        Json events = Json::parse(k_stream);
        events[4]["delta"] = "i";
        events.insert(events.begin() + 4, Json(events[4]));
        events[4]["delta"] = "H";
        std::string bytes = bytes_of(std::move(events));
        const auto line = "event: " + std::string(name) + "\n";
        bytes.replace(bytes.rfind(line), line.size(), instead);
        return ids(judge_bytes(bytes, k_whole, Profile::responses).violations);
    };
    // The one in front of it is of this name as well.
    CHECK(without_one("response.output_text.delta", "") == std::set<std::string>{"V1"});
    CHECK(without_one("response.completed", "id: 7\n\nevent: response.completed\n").empty());
}

TEST_CASE("responses: an error ends a stream, alone or with response.failed behind it") {
    const auto with_error = [](Json& e, std::string_view last) {
        Json end = e.back();
        e.back() = Json{{"type", "error"}, {"error", {{"code", "c"}, {"message", "m"}}}};
        if (!last.empty()) {
            end["type"] = last;
            end["response"]["status"] = last.substr(last.find('.') + 1);
            end["response"]["error"] = Json{{"code", "c"}, {"message", "m"}};
            e.push_back(end);
        }
    };
    CHECK(found([&](Json& e) { with_error(e, ""); }).empty());
    CHECK(found([&](Json& e) { with_error(e, "response.failed"); }).empty());
    CHECK(found([](Json& e) { e.back() = Json{{"type", "error"}, {"code", "c"}, {"message", "m"}}; }
    ).empty());
    CHECK(found([&](Json& e) {
              with_error(e, "");
              e = Json::array({Json(e.back())});
          }) == std::set<std::string>{"V2"}); // clients wait for the response that it ends
    CHECK(found([&](Json& e) {
              with_error(e, "response.completed");
              end_of(e)["error"] = nullptr;
          }) == std::set<std::string>{"V9"});
    CHECK(found([&](Json& e) {
              with_error(e, "response.failed");
              e.push_back(Json(e.back()));
          }) == std::set<std::string>{"V9"});
}

TEST_CASE("responses: an input that was all known before is legal") {
    CHECK(found([](Json& e) { end_of(e)["usage"]["input_tokens_details"]["cached_tokens"] = 3; }
    ).empty());
    CHECK(found([](Json& e) {
              end_of(e)["usage"]["input_tokens_details"]["cached_tokens"] = 4;
          }) == std::set<std::string>{"V12"});
}

TEST_CASE("responses: two calls are legal, each with an id and a call_id of its own") {
    CHECK(found([](Json& e) {
              call_again(e, "d");
              e[10].erase("name");
          }).empty());
    CHECK(found([](Json& e) { call_again(e, "c"); }) == std::set<std::string>{"V5"});
    CHECK(found([](Json& e) { e[10]["name"] = "g"; }) == std::set<std::string>{"V8"});
}

TEST_CASE("responses: JSON is compared as JavaScript sees it") {
    CHECK(found([](Json& e) {
              e[1]["sequence_number"] = 1.0;
              e[2]["output_index"] = 0.0;
              e[4]["output_index"] = 0.0;
              e[4]["content_index"] = 0.0;
              end_of(e)["usage"]["total_tokens"] = 5.0;
              Json& call = end_of(e)["output"][1];
              Json swapped = Json::object({{"type", call.at("type")}});
              swapped.update(call);
              call = swapped;
          }).empty());
    CHECK(found([](Json& e) {
              end_of(e)["usage"]["total_tokens"] = 5.5;
          }) == std::set<std::string>{"V12"});
}

TEST_CASE("responses: whatever follows the end is told once") {
    const std::string bytes = bytes_of(Json::parse(k_stream)) + ": a\n\n: b\n\n: c\n\n";
    const Judgement judgement = judge_bytes(bytes, k_whole, Profile::responses);
    CHECK(std::ranges::count_if(judgement.violations, [](const Violation& one) {
              return one.rule->id == "V9";
          }) == 1);
}

TEST_CASE("responses: each rule is found") {
    std::set<std::string> rules;
    for (const Row& row : k_rows) {
        CAPTURE(row.name);
        CHECK(found(row.breaks).contains(std::string(row.want)));
        rules.insert(std::string(row.want));
    }
    for (const Rule& rule : all_rules()) {
        if (rule.id.front() == 'V') {
            CAPTURE(rule.id);
            CHECK(rules.contains(std::string(rule.id)));
        }
    }
}

TEST_CASE("responses: a whole response and an error object are judged as what they are") {
    const Json whole = Json::parse(k_stream).back().at("response");
    const auto good = judge_bytes(dump_json(whole), k_whole, Profile::responses);
    CHECK(good.pass());
    CHECK(good.answer == AnswerKind::whole);
    Json bad = whole;
    bad.erase("output");
    CHECK(ids(judge_bytes(dump_json(bad), k_whole, Profile::responses).violations).contains("V3"));
    const auto with_call = [&](std::string_view id, std::string_view call) {
        Json more = whole;
        Json item = more["output"][1];
        item["id"] = id;
        item["call_id"] = call;
        more["output"].push_back(item);
        return ids(judge_bytes(dump_json(more), k_whole, Profile::responses).violations);
    };
    CHECK(with_call("fc_2", "d").empty());
    CHECK(with_call("fc_1", "d") == std::set<std::string>{"V5"});
    CHECK(with_call("fc_2", "c") == std::set<std::string>{"V5"});
    const auto error = judge_bytes(
        R"({"error":{"message":"m","type":"server_error","param":null,"code":"c"}})",
        k_whole,
        Profile::responses
    );
    CHECK(error.pass());
    CHECK(error.answer == AnswerKind::error);
}
