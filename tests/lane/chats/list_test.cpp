// A list of chats asks the authority about its rows, which may change before the answer comes.
#include "../lane_rig.hpp"

using namespace oa_stream;
using namespace oa_stream::test;

namespace {

Json listed(LaneRig& rig) {
    const auto response = rig.send(rig.get("/api/chats"));
    REQUIRE(response.status == 200);
    return json_of(response).at("data");
}

void add_chat(LaneRig& rig, const std::string& id, std::int64_t updated) {
    rig.authority.infos["auth-" + id] = {
        .id = "auth-" + id, .title = "Old", .created_at = 5, .updated_at = updated
    };
    lane::ThreadRow row{"", id, "auth-" + id};
    row.title = "Old";
    row.updated_at = updated;
    rig.ids->put(row);
}

} // namespace

TEST_CASE("chats: what a list was told of a chat does not count once the chat has changed") {
    LaneRig rig;
    add_chat(rig, "a", 10);
    add_chat(rig, "b", 20);
    rig.authority.late_reads = 1; // it has read both, and answers later
    CHECK(listed(rig).size() == 2);
    SECTION("its name") {
        auto rename = rig.post("/api/chats/a", R"({"title":"New"})");
        rename.method = "PATCH";
        REQUIRE(rig.send(rename).status == 200);
    }
    SECTION("its place") {
        rig.ids->touch("", "a", 30);
    }
    const auto before = *rig.ids->find("", "a");
    rig.authority.release();
    rig.context.poll();
    CHECK(*rig.ids->find("", "a") == before);
    rig.authority.infos["auth-a"].updated_at = before.updated_at;
    const auto list = listed(rig);
    REQUIRE(list.size() == 2);
    const std::size_t place = before.updated_at == 30 ? 0 : 1;
    CHECK(list.at(place).at("id") == "a");
    CHECK(list.at(place).at("title") == before.title);
}
