// The transcripts of the kit, in fixtures/completions: what the encoders say, frame by frame.
#include "oa_stream/base/file.hpp"

#include "completions_support.hpp"
#include "stream_support.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace oa_stream;
using namespace oa_stream::turn;
using namespace oa_stream::encode;
using namespace oa_stream::encode::test;

TEST_CASE("completions: the kit's transcripts are what the encoders say") {
    const Usage two_words{11, 0, 7, 0};
    const std::map<std::string, std::vector<Event>> turns{
        {"stream-minimal", words({"Hello"}, {TurnEnded{}})},
        {"stream-multi-chunk", words({"w1 ", "w2 ", "w3 ", "w4 ", "w5"}, {TurnEnded{}})},
        {"stream-truncation",
         words({"w1 ", "w2 ", "w3"}, {TurnEnded{Outcome::completed, Finish::length}})},
        {"stream-usage", words({"w1 ", "w2"}, {UsageKnown{two_words}, TurnEnded{}})},
        {"error-in-stream",
         words(
             {"w1 ", "w2"},
             {TurnEnded{Outcome::failed, Finish::error, Failure{FailureCode::turn_failed}, {}}}
         )},
        {"nonstream-minimal", words({"Hello"}, {UsageKnown{{8, 0, 2, 0}}, TurnEnded{}})},
        {"nonstream-length",
         words(
             {"w1 ", "w2 ", "w3"},
             {UsageKnown{{9, 0, 3, 0}}, TurnEnded{Outcome::completed, Finish::length}}
         )},
    };
    for (const auto& [name, events] : turns) {
        CAPTURE(name);
        const auto text = read_file(OA_SOURCE_DIR "/fixtures/completions/" + name + ".json");
        REQUIRE(text);
        const Json golden = Json::parse(*text);
        const Json& response = golden.at("response");
        const auto normal = [](Json json) {
            if (json.contains("error")) {
                json["error"]["message"] = "<text>";
                json["error"]["code"] = "<failure-class>";
                return json;
            }
            json["id"] = "<id>";
            json["created"] = "<created>";
            json["model"] = "<model>";
            return json;
        };
        if (!response.contains("events")) {
            const auto whole = completion_whole(events);
            REQUIRE(whole);
            CHECK(normal(*whole) == response.at("body"));
            continue;
        }
        const Json& body = golden.at("request").at("body");
        Json seen = Json::array();
        for (const std::string& frame :
             frames_of(completion_stream(events, body.contains("stream_options")))) {
            if (frame == "[DONE]") {
                seen.push_back(frame);
                continue;
            }
            Json json = normal(Json::parse(frame));
            const Json::json_pointer content("/choices/0/delta/content");
            const bool text_delta = json.contains(content);
            if (text_delta && json.contains(Json::json_pointer("/choices/0/delta/role"))) {
                json["choices"][0]["delta"].erase("content");
            } else if (text_delta && !seen.empty() && seen.back().contains(content)) {
                auto& joined = seen.back()[content].get_ref<std::string&>();
                joined += json[content].get<std::string>();
                continue;
            }
            seen.push_back(std::move(json));
        }
        CHECK(seen == response.at("events"));
    }
}
