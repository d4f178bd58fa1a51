// A turn that its authority runs, and that no lane of this process began: a reader joins it.
#include "../lane_rig.hpp"
#include "tools/call_results.hpp"

#include <array>

using namespace oa_stream;
using namespace oa_stream::test;

TEST_CASE("rejoin: only results that go on with a page's message keep that message's id") {
    struct Row {
        std::string_view user_id, text, message;
    };
    static constexpr std::string_view k_results =
        R"(Results of the functions that were called above:
[{"id":"k1","name":"weather","output":"sunny"}])";
    static constexpr std::array k_rows{
        Row{"oa-tool-results:page-1", k_results, "page-1"},
        Row{lane::k_results_id, k_results, "turn-1"}, // of a message without an id
        Row{"oa-tool-results:page-1", "hi", "turn-1"}, // somebody's own words
        Row{"0b2d7c1e-84a5-4f0e-9d0c-8c4b1f6a2e11", "hi", "turn-1"},
        Row{"u1", "hi", "turn-1"},
    };
    for (const auto& row : k_rows) {
        CAPTURE(row.user_id, row.text);
        LaneRig rig;
        rig.authority.able.joins = true;
        rig.ids->put({"", "c", "auth-c"});
        authority::PastTurn past{.id = "turn-1", .user_text = std::string(row.text)};
        past.client_message_id = std::string(row.user_id);
        past.running = true;
        rig.authority.past = {past};
        const auto played = std::make_shared<PlayedTurn>(rig.context.get_executor());
        played->thread = "auth-c";
        played->turn = "turn-1";
        rig.authority.running["auth-c"] = played;
        const auto stream = rig.open(rig.get("/api/chats/c/stream"));
        played->say("hello");
        rig.until("the text", [&] { return stream->has("hello") || stream->ended; });
        CHECK(stream->head.status == 200);
        const auto start = fmt::format(R"(data: {{"type":"start","messageId":"{}")", row.message);
        CHECK(stream->bytes.substr(0, start.size()) == start);
        played->complete();
        rig.await_end(stream);
    }
}
