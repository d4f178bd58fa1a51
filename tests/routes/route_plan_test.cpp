// Plans of route changes: what they are made from, what they show, and how their outcome is judged.
#include "rig.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::routes;
using namespace oa_stream::routes::testing;

namespace {

const Overrides k_login_legacy{{}, {{"auth_entry", "legacy"}}};
const Overrides k_login_rust{{}, {{"auth_entry", "rust_shell"}}};

RouteOrder order_of(std::vector<RouteChange> changes, std::vector<std::string> paths = {}) {
    RouteOrder out;
    out.changes = std::move(changes);
    out.paths = std::move(paths);
    out.looks = quick_looks();
    return out;
}

RouteSnapshot met(const Overrides& now, std::vector<Overrides> seen = {}) {
    RouteSnapshot out;
    out.status = with_overrides(split_status(), now);
    out.seen = seen.empty() ? std::vector{now} : std::move(seen);
    out.agreed = out.seen.size() == 1;
    return out;
}

RoutePlan planned(const RouteOrder& order, const Overrides& now = {}) {
    return plan_routes(met(now), order).value();
}

using Texts = std::vector<std::string>;

} // namespace

TEST_CASE("route plan: what is verified is one path of each domain it is about, each once") {
    RouteSnapshot found = met({});
    found.status.groups.push_back({"empty", {}, "legacy"});
    const auto paths = [&](const RouteOrder& order) { return plan_routes(found, order)->paths; };
    CHECK(
        paths(order_of({{"legacy", {}}}, {"/chat", "/chat", "/x", ""})) ==
        Texts{"/login", "/billing", "/chat", "/x"}
    );
    CHECK(paths(order_of({{"legacy", "chat-pilot"}})) == Texts{"/chat"});
    CHECK(paths(order_of({})).empty());
}

TEST_CASE("route plan: to clear all means every override that any process remembers") {
    RouteOrder order = order_of({});
    order.clear_all = true;
    const Overrides now{"legacy", {{"auth_entry", "legacy"}}};
    const auto plan = plan_routes(met(now, {now, {{}, {{"chat_pilot", "legacy"}}}}), order);
    REQUIRE(plan.has_value());
    CHECK(plan->before == now);
    CHECK(plan->goal == Overrides{});
    CHECK(plan->paths == Texts{"/login", "/billing", "/chat"});
    CHECK(plan->found.seen.size() == 2);
}

TEST_CASE("route plan: a mixture is a memory that is neither where it begins nor where it leads") {
    const RouteOrder order = order_of({{"legacy", "auth_entry"}});
    CHECK_FALSE(plan_routes(met({}, {Overrides{}}), order)->mixture());
    CHECK_FALSE(plan_routes(met({}, {Overrides{}, k_login_legacy}), order)->mixture());
    CHECK(plan_routes(met({}, {Overrides{}, k_login_rust}), order)->mixture());
    CHECK_FALSE(planned(order_of({{"clear", "auth_entry"}})).changes());
    CHECK(planned(order).changes());
}

TEST_CASE("route plan: its text shows each path, what is written, what undoes it, and what to know"
) {
    RouteOrder order = order_of({{"legacy", "auth_entry"}}, {"/chat", "/other", "/api/x"});
    CHECK(
        route_plan_text(planned(order)) ==
        "overrides: none -> auth_entry legacy\n"
        "  auth_entry               /login               rust_shell (mode_rust) -> legacy "
        "(domain_override)\n"
        "  billing_l402             /billing             rust_shell (mode_rust), unchanged\n"
        "  chat_pilot               /chat                rust_shell (mode_rust), unchanged\n"
        "  -                        /other               rust_shell (mode_rust), unchanged\n"
        "  -                        /api/x               rust_shell (api_rust_authority), "
        "unchanged\n"
        "write auth_entry: legacy\n"
        "undo  auth_entry: clear\n"
        "trap: /api/x is pinned to rust_shell: no override reaches it (the stream lane goes back "
        "by traffic alone: oa-stream rollback plan)\n"
        "note: " +
            std::string(k_lane_untouched) + "\n"
    );
}

TEST_CASE("route plan: as JSON, with what each path gets and with its traps") {
    RouteSnapshot found = met({});
    found.status.mode = "cohort";
    found.status.cohort_percentage = 30;
    const RoutePlan plan =
        plan_routes(found, order_of({{"legacy", "auth_entry"}}, {"/api/x"})).value();
    const Json json = to_json(plan);
    CHECK(json["changes"] == true);
    CHECK(json["before"] == to_json(Overrides{}));
    CHECK(json["after"] == to_json(k_login_legacy));
    CHECK(json["touches_stream_lane"] == false);
    const Json write{{"domain", "auth_entry"}, {"target", "legacy"}};
    CHECK(json["writes"] == Json::array({write}));
    const Json undo{{"domain", "auth_entry"}, {"target", "clear"}};
    CHECK(json["undo"] == Json::array({undo}));
    REQUIRE(json["effects"].size() == 4);
    const Json login = json["effects"][0];
    CHECK(login["path"] == "/login");
    CHECK(login["domain"] == "auth_entry");
    CHECK(login["before"]["target"].is_null());
    CHECK(login["before"]["reason"] == "mode_cohort");
    CHECK(login["after"]["target"] == "legacy");
    CHECK(json["effects"][3]["domain"].is_null());
    CHECK(json["traps"][0]["id"] == "pinned");
    const auto global = to_json(planned(order_of({{"legacy", {}}})));
    CHECK(global["writes"][0]["domain"].is_null());
    const RoutePlan read = read_route_plan(route_plan_document(plan)).value();
    CHECK(read.traps.size() == 1);
    CHECK(read.notes == plan.notes);
    Json odd = route_plan_document(plan);
    odd["notes"] = Json::array({7, "seven"});
    CHECK(read_route_plan(odd)->notes == Texts{"", "seven"});
    CHECK(read_route_plan(Json::array()).error().code == Code::unreadable);
}

TEST_CASE("route plan: made of a service, it has its address, and the errors of its looks") {
    ControlRig rig;
    rig.memories = {k_login_rust};
    auto client = rig.client();
    const auto plan = rig.get(plan_routes(client, order_of({{"legacy", "auth_entry"}})));
    REQUIRE(plan.has_value());
    CHECK(plan->control_url == rig.options.base_url);
    CHECK(plan->before == k_login_rust);
    CHECK(plan->goal == k_login_legacy);
    CHECK(plan->found.agreed);
    CHECK(rig.log == Texts{"status", "status"});
    CHECK(rig.get(plan_routes(client, order_of({{"nowhere", {}}}))).error().code == Code::usage);
    rig.instead = [](const RawRequest&) { return only(401); };
    const auto refused = rig.get(plan_routes(client, order_of({{"legacy", {}}})));
    CHECK(refused.error().code == Code::credentials);
}

TEST_CASE("route plan: made again, it must lead to the same from what it found or what it wrote") {
    const RouteOrder order = order_of({{"legacy", "auth_entry"}});
    const RoutePlan saved = planned(order);
    ControlRig rig(2);
    auto client = rig.client();
    rig.memories = {Overrides{}, k_login_legacy}; // as a run that died left them
    const auto again = rig.get(replan_routes(client, saved, order));
    REQUIRE(again.has_value());
    CHECK(again->before == saved.before);
    CHECK(again->goal == saved.goal);
    CHECK(overrides_of(again->status()) == saved.before);
    CHECK(again->control_url == rig.options.base_url);
    rig.memories = {Overrides{}, k_login_rust};
    const auto other = rig.get(replan_routes(client, saved, order));
    REQUIRE_FALSE(other.has_value());
    CHECK(other.error().code == Code::conflict);
    CHECK(
        other.error().message ==
        "somebody else changed the routes meanwhile: planned none, live auth_entry rust_shell"
    );
    rig.memories = {Overrides{}, Overrides{}};
    const auto goal = rig.get(replan_routes(client, saved, order_of({{"rust", "auth_entry"}})));
    REQUIRE_FALSE(goal.has_value());
    CHECK(goal.error().code == Code::precondition);
    CHECK(
        goal.error().message == "it would become auth_entry rust_shell, planned auth_entry legacy"
    );
    const auto trapped =
        rig.get(replan_routes(client, saved, order_of({{"legacy", "auth_entry"}}, {"/api/x"})));
    REQUIRE_FALSE(trapped.has_value());
    CHECK(trapped.error().code == Code::precondition);
    CHECK(trapped.error().message.find("pinned") != std::string::npos);
}

TEST_CASE("route plan: its run, and the run of its undo") {
    ControlRig rig;
    RouteOrder order = order_of({{"legacy", "auth_entry"}}, {"/login/help"});
    order.cohort_key = "me";
    const RoutePlan plan = planned(order, k_login_rust);
    auto client = rig.client();
    const RouteRun run = change_of(client, plan, quick_looks(3));
    CHECK(run.client == &client);
    CHECK(overrides_of(run.before) == k_login_rust);
    CHECK(run.goal == k_login_legacy);
    CHECK(run.known == std::vector<Overrides>{k_login_rust});
    CHECK(run.cohort_key == "me");
    CHECK(run.looks.agree == 3);
    REQUIRE(run.paths.size() == 2);
    CHECK(run.paths[0].path == "/login");
    CHECK(run.paths[0].target == "legacy");
    CHECK(run.paths[0].reason == "domain_override");
    // The service has got another domain since.
    rig.status.groups.push_back({"labs", {"/labs"}, "legacy"});
    const RouteRun undo = rig.get(undo_of(client, plan, quick_looks()));
    CHECK(overrides_of(undo.before) == k_login_rust);
    CHECK(undo.before.groups.size() == 4);
    CHECK(undo.goal == k_login_legacy);
    REQUIRE(undo.paths.size() == 4);
    CHECK(undo.paths[0].target == "rust_shell");
    CHECK(undo.paths[3].path == "/labs");
    rig.instead = [](const RawRequest&) { return only(500); };
    CHECK(rig.get(undo_of(client, plan, quick_looks())).before.groups.size() == 3);
    CHECK(route_lock_name("https://c.example.org") == "route-split:https://c.example.org");
}

TEST_CASE("route plan: what others set since stays out of its undo where it wrote nothing") {
    struct Row {
        Overrides now;
        bool agreed;
        Overrides before, goal, theirs;
    };
    const Overrides began{"legacy", {{"auth_entry", "legacy"}, {"chat_pilot", "legacy"}}};
    const Overrides led{"legacy", {{"auth_entry", "rust_shell"}, {"chat_pilot", "legacy"}}};
    const auto with = [](Overrides base, const std::string& domain, const std::string& target) {
        base.domains[domain] = target;
        return base;
    };
    const Overrides cleared{"legacy", {{"auth_entry", "rust_shell"}}};
    for (const Row& row : {
             Row{led, true, began, led, {}},
             Row{began, true, began, led, {}},
             Row{with(led, "billing", "legacy"),
                 true,
                 with(began, "billing", "legacy"),
                 with(led, "billing", "legacy"),
                 {}},
             Row{with(led, "chat_pilot", "rust_shell"),
                 true,
                 with(began, "chat_pilot", "rust_shell"),
                 with(led, "chat_pilot", "rust_shell"),
                 {}},
             Row{with(led, "auth_entry", "other"), true, began, led, {{}, {{"auth_entry", "other"}}}
             },
             Row{{"rust_shell", led.domains},
                 true,
                 {"rust_shell", began.domains},
                 {"rust_shell", led.domains},
                 {}},
             Row{cleared, true, {"legacy", {{"auth_entry", "legacy"}}}, cleared, {}},
             Row{cleared, false, began, led, {}},
             Row{{{}, led.domains}, true, {{}, began.domains}, {{}, led.domains}, {}},
             Row{{{}, led.domains}, false, began, led, {}},
         }) {
        CAPTURE(row.now.text(), row.agreed);
        RoutePlan plan;
        plan.before = began;
        plan.goal = led;
        CHECK(plan.adopt_theirs(row.now, row.agreed) == row.theirs);
        CHECK(plan.before == row.before);
        CHECK(plan.goal == row.goal);
        CHECK(plan.adopt_theirs(row.now, row.agreed) == row.theirs); // nothing more
        CHECK(plan.before == row.before);
    }
}

TEST_CASE("route plan: what an undone plan led to is somebody else's when it is there again") {
    RoutePlan plan;
    plan.before = {{}, {{"chat_pilot", "legacy"}}};
    plan.goal = {"legacy", {{"chat_pilot", "rust_shell"}}};
    plan.found.seen = {{{}, {{"chat_pilot", "other"}}}};
    CHECK(plan.adopt_theirs(plan.goal, true, true) == plan.goal);
    CHECK(plan.adopt_theirs(plan.before, true, true) == Overrides{});
    CHECK(plan.adopt_theirs({}, false, true) == Overrides{}); // a process that began again
    CHECK(plan.adopt_theirs(plan.found.seen[0], false, true) == plan.found.seen[0]);
    CHECK(plan.adopt_theirs(plan.goal, true) == Overrides{});
}

TEST_CASE("route plan: what a mixture remembered counts as known to its undo") {
    const Overrides other{{}, {{"auth_entry", "other"}}};
    RoutePlan made = planned(order_of({{"legacy", "auth_entry"}}, {}), k_login_rust);
    CHECK_FALSE(route_plan_document(made).contains("seen"));
    made.found.seen.push_back(other);
    auto read = read_route_plan(route_plan_document(made));
    REQUIRE(read.has_value());
    CHECK(read->found.seen == made.found.seen);
    CHECK(read->adopt_theirs(other, false) == Overrides{});
}

TEST_CASE("route checks: a trap fails the precedence, a preview says what would be written") {
    const RoutePlan good = planned(order_of({{"legacy", "auth_entry"}, {"legacy", {}}}));
    CHECK(precedence_check(good).verdict == Verdict::pass);
    const Check preview = preview_check("route.set", good);
    CHECK(preview.id == "route.set");
    CHECK(preview.verdict == Verdict::pass);
    CHECK(preview.mode == CheckMode::rehearsed);
    CHECK(preview.evidence.empty());
    CHECK(preview.data["touches_stream_lane"] == false);
    CHECK(
        preview.detail == "none -> global legacy, auth_entry legacy, would write auth_entry: "
                          "legacy, global: legacy; does not touch the stream lane"
    );
    const Check nothing = preview_check("route.set", planned(order_of({{"clear", {}}})));
    CHECK(nothing.detail == "nothing to change: none; does not touch the stream lane");
    const Check trapped = precedence_check(planned(order_of({}, {"/api"})));
    CHECK(trapped.id == "route.precedence");
    CHECK(trapped.verdict == Verdict::fail);
    CHECK(trapped.detail.starts_with("/api is pinned to rust_shell"));
}

TEST_CASE("route checks: how a change and its undo came out") {
    RouteRun run;
    run.before = with_overrides(split_status(), k_login_rust);
    run.goal = k_login_legacy;
    RouteOutcome out;
    out.changed = true;
    out.mutated = true;
    out.writes = 1;
    out.verified.row = 5;
    const auto good = change_checks("route", run, out);
    REQUIRE(good.size() == 1);
    CHECK(good[0].id == "route.set");
    CHECK(good[0].verdict == Verdict::pass);
    CHECK(good[0].evidence == Texts{"journal.ndjson"});
    CHECK(
        good[0].detail == "auth_entry rust_shell -> auth_entry legacy: 1 write, 5 successive fresh "
                          "looks agree by evaluate; does not touch the stream lane"
    );
    out.changed = false;
    out.error = Error{Code::conflict, "somebody else"};
    out.restored = true;
    out.back.row = 4;
    const auto undone = change_checks("route", run, out);
    REQUIRE(undone.size() == 2);
    CHECK(undone[0].verdict == Verdict::fail);
    CHECK(undone[0].detail == "somebody else; does not touch the stream lane");
    CHECK(undone[1].id == "route.restored");
    CHECK(undone[1].verdict == Verdict::pass);
    CHECK(
        undone[1].detail == "back to auth_entry rust_shell, 4 successive fresh looks agree by "
                            "evaluate; does not touch the stream lane"
    );
    out.restored = false;
    const Check unclear = undo_check("route.undo", run, out);
    CHECK(unclear.id == "route.undo");
    CHECK(unclear.verdict == Verdict::error);
    CHECK(
        unclear.detail == "1 write: NOT restored: no clear answer; does not touch the stream lane"
    );
    out.restore_error = Error{Code::network, "gone"};
    CHECK(undo_check("u", run, out).detail.find("NOT restored: gone") != std::string::npos);
    out.mutated = false;
    CHECK(change_checks("route", run, out).size() == 1);
}

TEST_CASE("route checks: what stopped a change decides its verdict") {
    CHECK(verdict_of_failure(Error{Code::cancelled, ""}) == Verdict::inconclusive);
    CHECK(verdict_of_failure(Error{Code::precondition, ""}) == Verdict::fail);
    CHECK(verdict_of_failure(Error{Code::conflict, ""}) == Verdict::fail);
    CHECK(verdict_of_failure(Error{Code::timeout, ""}) == Verdict::fail);
    CHECK(verdict_of_failure(Error{Code::network, ""}) == Verdict::error);
    const Check check = failed_check("route.set", Error{Code::io, "full", "disk", "free some"});
    CHECK(check.verdict == Verdict::error);
    CHECK(check.detail == "disk: full (free some); does not touch the stream lane");
    CHECK(check.data["touches_stream_lane"] == false);
}
