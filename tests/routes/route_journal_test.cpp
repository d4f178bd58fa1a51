// The journal of a change of routes, and the plan as a file.
#include "oa_stream/routes/route_journal.hpp"
#include "oa_stream/routes/route_plan.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::routes;

namespace {

RouteSnapshot found() {
    RouteSnapshot out;
    out.status.enabled = true;
    out.status.mode = "rust";
    out.status.cohort_percentage = 100;
    out.status.rust_routes = {"/"};
    out.status.legacy_base_url = "https://legacy.example.org";
    out.status.groups = {
        {"auth_entry", {"/login"}, "legacy"},
        {"chat_pilot", {"/chat"}, "rust_shell", "rust_shell"},
    };
    out.seen = {overrides_of(out.status)};
    out.agreed = true;
    return out;
}

RoutePlan plan() {
    RouteOrder order;
    order.changes = {{"legacy", "auth_entry"}, {"clear", "chat_pilot"}};
    order.paths = {"/login/help"};
    order.cohort_key = "someone";
    return plan_routes(found(), order).value();
}

std::string line(std::string_view phase, std::string_view way = "forth") {
    return R"({"seq":1,"at":"2026-01-01T00:00:00.000Z","phase":")" + std::string(phase) +
           R"(","way":")" + std::string(way) + "\"}\n";
}

} // namespace

TEST_CASE("route journal: what was intended is unverified until its last line says done") {
    struct Row {
        std::string text;
        bool intended;
        bool unverified;
        std::string shown;
    };
    const auto row = GENERATE_COPY(values<Row>({
        {"", false, false, ""},
        {line("begin"), false, false, "begin at 2026-01-01T00:00:00.000Z"},
        {line("intent"), true, true, "intent at 2026-01-01T00:00:00.000Z"},
        {line("intent") + line("written"), true, true, "written at 2026-01-01T00:00:00.000Z"},
        {line("intent") + line("done"), true, false, "done at 2026-01-01T00:00:00.000Z"},
        {line("intent") + line("done") + line("unverified", "back"),
         true,
         true,
         "rollback: unverified at 2026-01-01T00:00:00.000Z"},
        {line("intent") + line("done") + R"({"seq":3,"at":"","phase":"intent","step":"shift@5%"})" +
             "\n",
         true,
         false,
         "done at 2026-01-01T00:00:00.000Z"},
        {line("begin") + "{\"seq\":2,\n", true, true, "a line cannot be read"},
        {line("begin") + "{\"seq\":2,\"phase\":\"int",
         false,
         false,
         "begin at 2026-01-01T00:00:00.000Z"},
    }));
    CAPTURE(row.text);
    const RouteProgress progress = read_route_journal(row.text);
    CHECK(progress.intended == row.intended);
    CHECK(progress.unverified == row.unverified);
    CHECK(progress.text == row.shown);
}

TEST_CASE("route journal: an undo is verified until the goal is written again") {
    const std::string forth = line("begin") + line("intent") + line("done");
    const std::string undone = forth + line("intent", "back") + line("done", "back");
    const std::string at = "2026-01-01T00:00:00.000Z";
    CHECK(read_route_journal(forth).undone_at.empty());
    CHECK(read_route_journal(forth + line("unverified", "back")).undone_at.empty());
    CHECK(read_route_journal(undone).undone_at == at);
    // What an undo writes is what was before.
    CHECK(read_route_journal(undone + line("intent", "back")).undone_at == at);
    CHECK(read_route_journal(undone + line("intent")).undone_at.empty());
    CHECK(read_route_journal(undone + "{\"seq\":2,\n").undone_at.empty());
}

TEST_CASE("route plan: a document is read back as it was") {
    RoutePlan made = plan();
    made.control_url = "https://control.example.org";
    const auto read = read_route_plan(route_plan_document(made));
    REQUIRE(read.has_value());
    CHECK(read->control_url == made.control_url);
    CHECK(read->cohort_key == "someone");
    CHECK(read->before == made.before);
    CHECK(read->goal == made.goal);
    CHECK(read->paths == std::vector<std::string>{"/login", "/chat", "/login/help"});
    CHECK(route_plan_text(*read) == route_plan_text(made));
    CHECK(route_plan_document(*read) == route_plan_document(made));
}

TEST_CASE("route plan: the document of an earlier release's playbook is read, too") {
    Json old = route_plan_document(plan());
    old.erase("schema");
    old.erase("cohort_key");
    old["evidence"] = Json::array({"routes.ndjson"});
    const auto read = read_route_plan(old);
    REQUIRE(read.has_value());
    CHECK(read->goal == plan().goal);
    CHECK(read->cohort_key.empty());
    old.erase("before");
    CHECK_FALSE(read_route_plan(old).has_value());
    CHECK_FALSE(read_route_plan(Json(nullptr)).has_value());
}

TEST_CASE("route plan: reversed, it leads from the goal to what was before") {
    const RoutePlan back = plan().reversed();
    CHECK(back.before == plan().goal);
    CHECK(back.goal == plan().before);
    CHECK(overrides_of(back.status()) == back.before);
    CHECK(back.paths == std::vector<std::string>{"/login", "/chat"});
    REQUIRE(back.writes().size() == 2);
    CHECK(back.writes()[0].text() == "auth_entry: clear");
    CHECK(back.writes()[1].text() == "chat_pilot: rust");
}

TEST_CASE("route plan: a mixture is a change even when nothing would be written") {
    RouteOrder order;
    order.changes = {{"rust", "chat_pilot"}};
    RouteSnapshot mixed = found();
    CHECK_FALSE(plan_routes(mixed, order)->changes());
    mixed.seen.push_back(Overrides{"legacy", {}});
    CHECK(plan_routes(mixed, order)->changes());
}

TEST_CASE("route rules: a value that nobody of us set is somebody else's, a missing one is not") {
    const std::array known{Overrides{{}, {{"chat_pilot", "rust_shell"}}}, Overrides{"legacy", {}}};
    CHECK(is_ours({}, known));
    CHECK(is_ours({"legacy", {{"chat_pilot", "rust_shell"}}}, known));
    CHECK_FALSE(is_ours({"rust_shell", {}}, known));
    CHECK_FALSE(is_ours({{}, {{"auth_entry", "legacy"}}}, known));
    CHECK_FALSE(is_ours({{}, {{"chat_pilot", "legacy"}}}, known));
}
