// A conversation is asked for under an id that is taken: the refusal changes nothing.
#include "../lane_rig.hpp"

#include <array>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

constexpr std::string_view k_export =
    R"({"format":"oa-stream.chat.v1","conversation":{"id":"c"},"messages":[]})";

/// One for each way to make a conversation.
struct Way {
    std::string_view path, body;
};
constexpr std::array k_ways{
    Way{"/api/chats", R"({"id":"c"})"},
    Way{"/api/chats", k_export},
    Way{"/api/chats/other/fork", R"({"id":"c"})"},
    Way{"/api/chats/c/fork", R"({"id":"c"})"},
};

} // namespace

TEST_CASE("taken id: an answer that nobody reads runs on") {
    LaneRig rig;
    rig.ids->put({"", "other", "auth-other"});
    const auto first = rig.chat("c", "hello");
    rig.authority.last().say("Hel");
    rig.until("its text", [&] { return first->has("Hel"); });
    first->leave();
    rig.until("the reader's leaving", [&] { return rig.watcher.readers == 0; });
    for (const auto& way : k_ways) {
        CAPTURE(way.path, way.body);
        const auto refused = rig.send(rig.post(way.path, way.body));
        CHECK(refused.status == 409);
        CHECK(error_code_of(refused) == "conflict");
    }
    CHECK(rig.authority.last().interrupts == 0);
    const auto again = rig.open(rig.get("/api/chats/c/stream"));
    rig.until("a resume", [&] { return again->has("Hel"); });
    rig.complete(again);
    CHECK(only_turn(rig).terminal == turn::TerminalClass::completed);
}
