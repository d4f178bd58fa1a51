// A conversation that POST /api/chats made, and the first request of its page.
#include "../lane_rig.hpp"

#include <string>
#include <string_view>

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

constexpr std::string_view k_moved =
    R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"},)"
    R"({"id":"u2","role":"user","content":"next"}]})";

struct MadeRig : LaneRig {
    MadeRig() {
        const auto made = send(post("/api/chats", R"({"id":"c","title":"Orders"})"));
        CHECK(made.status == 201);
    }
    const authority::TurnRequest& asked(std::string_view body) {
        const auto stream = open(post("/api/chats/c/stream", body));
        until("the stream", [&] { return stream->has("start-step"); });
        complete(stream);
        return authority.last().request;
    }
};

} // namespace

TEST_CASE("unused thread: one with what the first request brings takes its place and name") {
    MadeRig rig;
    const auto before = rig.ids->find("", "c")->thread;
    CHECK(rig.asked(k_moved).seed.size() == 2);
    const auto row = rig.ids->find("", "c");
    CHECK(row->thread == rig.authority.last().thread);
    CHECK(row->seeded == 2);
    CHECK(row->title == "Orders");
    CHECK(rig.authority.infos.at(row->thread).title == "Orders");
    rig.until("the old one's end", [&] { return rig.authority.deleted.size() == 1; });
    CHECK(rig.authority.deleted.front() == before);
}

TEST_CASE("unused thread: it is used when the first request brings nothing, or it has a turn") {
    MadeRig rig;
    const auto before = rig.ids->find("", "c")->thread;
    std::string body(k_moved);
    SECTION("nothing") {
        body = user_message("first");
    }
    SECTION("a turn that an earlier process began") {
        rig.authority.past.push_back({.id = "turn-0", .user_text = "other"});
    }
    SECTION("turns that cannot be read") {
        rig.authority.history_error = Error{Code::unavailable, "away", "", ""};
        body = R"({"messages":[{"role":"user","content":"q"},{"role":"user","content":"next"}]})";
    }
    CHECK(rig.asked(body).thread == before);
    CHECK(rig.authority.last().request.seed.empty());
    CHECK(rig.ids->find("", "c")->thread == before);
    CHECK(rig.authority.deleted.empty());
}
