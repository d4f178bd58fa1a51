#include "history/seed.hpp"

#include <catch2/catch.hpp>

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
