#include "history/seed.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <initializer_list>

using namespace oa_stream;
using namespace oa_stream::lane;

namespace {

Json answer(std::string_view text, Json metadata) {
    Json message = Json::object({{"id", "a-1"}, {"role", "assistant"}});
    message["metadata"] = std::move(metadata);
    message["parts"] = Json::array({Json::object({{"type", "text"}, {"text", text}})});
    return message;
}

Seed seed_of(Json message) {
    const Json body = Json::object({{"messages", Json::array({std::move(message)})}});
    return read_seed(body, 1, SeedContext{});
}

/// An answer with one call, and its result.
std::vector<authority::SeedMessage> seed_of_call(std::string_view state, Json more) {
    Json message = Json::object({{"id", "a-1"}, {"role", "assistant"}});
    more.update({{"type", "tool-f"}, {"toolCallId", "c"}, {"state", state}});
    message["parts"] = Json::array({std::move(more)});
    const Json body = Json::object({{"messages", Json::array({std::move(message)})}});
    auto seed = read_seed(body, 1, SeedContext{.calls = true});
    REQUIRE(seed.messages.size() == 2);
    return std::move(seed.messages);
}

} // namespace

TEST_CASE("seed: the lane's own sentence for an empty answer is shown, and not put into its mouth"
) {
    const auto said = seed_of(answer("hello", Json::object({{"status", "completed"}})));
    REQUIRE(said.messages.size() == 1);
    CHECK(said.messages[0].text == "hello");
    const auto silent =
        seed_of(answer("The model ended …", Json::object({{"notice", "model_empty_response"}})));
    CHECK(silent.messages.empty());
    CHECK(silent.shown.size() == 1);
    CHECK(silent.shown[0]["notice"] == "model_empty_response");
    CHECK(silent.partly.empty());
    auto behind = answer("Look.", Json::object({{"notice", "model_empty_response"}}));
    behind["parts"].push_back({{"type", "text"}, {"text", "The model ended …"}});
    const auto half = seed_of(behind);
    REQUIRE(half.messages.size() == 1);
    CHECK(half.messages[0].text == "Look.");
}

TEST_CASE("seed: a call without an output has the result null, unless it has none") {
    const auto told = [](std::string_view state, Json more) {
        return seed_of_call(state, std::move(more))[1].text;
    };
    CHECK(told("output-available", Json::object()) == "null");
    CHECK(told("output-available", Json::object({{"output", nullptr}})) == "null");
    CHECK(told("output-available", Json::object({{"output", "ok"}})) == "ok");
    CHECK(told("output-available", Json::object({{"output", 1}})) == "1");
    CHECK(told("input-available", Json::object()) == "This call got no result.");
    CHECK(told("output-error", Json::object()) == "This call got no result.");
    CHECK(told("output-error", Json::object({{"errorText", "no"}})) == "no");
}

TEST_CASE("seed: a call that the user denied has the reason as its result") {
    const auto denied = [](std::string_view state, Json approval) {
        return seed_of_call(state, Json::object({{"approval", std::move(approval)}}))[1].text;
    };
    const Json why = Json::object({{"approved", false}, {"reason", "too expensive"}});
    const Json silent = Json::object({{"id", "p"}, {"approved", false}});
    CHECK(denied("output-denied", why) == "too expensive");
    CHECK(denied("output-denied", silent) == "Tool call execution denied.");
    CHECK(denied("output-denied", nullptr) == "Tool call execution denied.");
    CHECK(denied("approval-responded", why) == "too expensive");
    CHECK(denied("approval-responded", silent) == "Tool call execution denied.");
    const Json allowed = Json::object({{"approved", true}, {"reason", "fine"}});
    CHECK(denied("approval-responded", allowed) == "This call got no result.");
}

TEST_CASE("seed: a call whose input could not be read has its raw input as arguments") {
    const auto arguments = [](Json more) {
        return seed_of_call("output-error", std::move(more))[0].calls.at(0).arguments;
    };
    CHECK(arguments(Json::object({{"rawInput", {{"a", 1}}}})) == R"({"a":1})");
    CHECK(arguments(Json::object({{"rawInput", "{\"a\":"}})) == R"("{\"a\":")");
    CHECK(arguments(Json::object({{"rawInput", 2}, {"input", {{"a", 1}}}})) == R"({"a":1})");
    CHECK(arguments(Json::object()) == "{}");
}

TEST_CASE("seed: of more than is kept the oldest files give way, then the oldest messages") {
    const auto text = [](std::size_t size) {
        return Json::object({{"type", "text"}, {"text", std::string(size, 'x')}});
    };
    const auto file = [](std::size_t size) {
        return Json::object({{"type", "file"}, {"url", "https://files/" + std::string(size, 'A')}});
    };
    const auto shown = [](std::initializer_list<Json> all) {
        Json messages = Json::array();
        for (const auto& parts : all) {
            messages.push_back(Json::object({{"role", "user"}, {"parts", parts}}));
        }
        const auto seed = read_seed(Json::object({{"messages", messages}}), messages.size(), {});
        Json out = Json::array();
        for (const auto& message : seed.shown) {
            out.push_back(message["parts"]);
        }
        return out;
    };
    const auto first = Json::array({text(5), file(600), text(2'000), file(2'000'000)});
    const auto later = Json::array({text(2'000), file(2'000'000)});
    CHECK((shown({first, later}) == Json::array({first, later}))); // not printed: 4 MB
    const auto files = shown({first, later, later});
    REQUIRE(files.size() == 3);
    CHECK(files[0][3]["text"].get<std::string>().contains("too large to be kept"));
    CHECK(std::equal(first.begin(), first.begin() + 3, files[0].begin()));
    CHECK((files[1] == later));
    CHECK((files[2] == later));
    const auto said = Json::array({text(2'000'000)});
    const auto last = Json::array({text(2'000'001)});
    CHECK((shown({said, said, last}) == Json::array({said, last})));
}
