// The route split as data: which rule decides, what a change brings, where it would deceive.
#include "oa_stream/routes/route_plan.hpp"

#include "rig.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::routes;

namespace {

RouteStatus service() {
    RouteStatus out = routes::testing::split_status();
    out.groups[1].prefixes.emplace_back("/l402");
    out.groups[2].prefixes = {"/chat", "/feed", "/"};
    return out;
}

RouteStatus with(RouteStatus status, const Overrides& overrides) {
    return with_overrides(std::move(status), overrides);
}

using Changes = std::vector<RouteChange>;

Result<RoutePlan>
plan_for(const RouteStatus& status, Changes changes, std::vector<std::string> paths = {}) {
    RouteOrder order;
    order.changes = std::move(changes);
    order.paths = std::move(paths);
    return plan_routes(RouteSnapshot{.status = status}, order);
}

} // namespace

TEST_CASE("route rules: the first rule that speaks decides, in the service's order") {
    RouteStatus forced = service();
    forced.force_legacy = true;
    RouteStatus off = service();
    off.enabled = false;
    RouteStatus few = service();
    few.rust_routes = {"/chat"};
    RouteStatus legacy = service();
    legacy.mode = "nonsense";
    RouteStatus cohort = service();
    cohort.mode = "cohort";
    cohort.cohort_percentage = 30;
    RouteStatus nobody = cohort;
    nobody.cohort_percentage = 0;
    struct Row {
        std::string name;
        RouteStatus status;
        std::string path;
        RouteRule rule;
    };
    const auto row = GENERATE_COPY(values<Row>({
        {"workers",
         forced,
         "/api/runtime/codex/workers/1",
         {"rust_shell", "codex_worker_control_rust_authority"}},
        {"api",
         with(forced, {"legacy", {}}),
         "/api/chat/stream",
         {"rust_shell", "api_rust_authority"}},
        {"api itself", with(service(), {"legacy", {}}), "/api", {"rust_shell", "api_rust_authority"}
        },
        {"not api", with(service(), {"legacy", {}}), "/apiary", {"legacy", "runtime_override"}},
        {"domain beats force",
         with(forced, {{}, {{"auth_entry", "rust_shell"}}}),
         "/login",
         {"rust_shell", "domain_override"}},
        {"domain beats global",
         with(service(), {"legacy", {{"chat_pilot", "rust_shell"}}}),
         "/chat/7",
         {"rust_shell", "domain_override"}},
        {"force beats global",
         with(forced, {"rust_shell", {}}),
         "/login",
         {"legacy", "force_legacy"}},
        {"global beats off",
         with(off, {"rust_shell", {}}),
         "/login",
         {"rust_shell", "runtime_override"}},
        {"off", off, "/login", {"legacy", "route_split_disabled"}},
        {"not a rust route", few, "/login", {"legacy", "legacy_route_default"}},
        {"a rust route", few, "/chat", {"rust_shell", "mode_rust"}},
        {"unknown mode", legacy, "/login", {"legacy", "mode_legacy"}},
        {"cohort", cohort, "/login", {"", "mode_cohort"}},
        {"cohort of nobody", nobody, "/login", {"legacy", "mode_cohort"}},
        {"root is exact",
         with(service(), {"legacy", {{"chat_pilot", "rust_shell"}}}),
         "/other",
         {"legacy", "runtime_override"}},
        {"root",
         with(service(), {"legacy", {{"chat_pilot", "rust_shell"}}}),
         "/",
         {"rust_shell", "domain_override"}},
        {"a query is not a path",
         with(service(), {{}, {{"auth_entry", "legacy"}}}),
         "/login?next=/",
         {"legacy", "domain_override"}},
    }));
    CAPTURE(row.name);
    const RouteRule rule = rule_for(row.status, row.path);
    CHECK(rule.target == row.rule.target);
    CHECK(rule.reason == row.rule.reason);
}

TEST_CASE("route rules: targets and domains as operators write them") {
    struct Row {
        RouteChange change;
        Overrides after;
    };
    const Overrides before{"rust_shell", {{"auth_entry", "legacy"}}};
    const auto row = GENERATE_COPY(values<Row>({
        {{"LEGACY", {}}, {"legacy", {{"auth_entry", "legacy"}}}},
        {{"rust", {}}, {"rust_shell", {{"auth_entry", "legacy"}}}},
        {{"rollback", {}}, {"legacy", {{"auth_entry", "legacy"}}}},
        {{"clear", {}}, {{}, {{"auth_entry", "legacy"}}}},
        {{"default", "auth-entry"}, {"rust_shell", {}}},
        {{"rollback", "chat_pilot"},
         {"rust_shell", {{"auth_entry", "legacy"}, {"chat_pilot", "rust_shell"}}}},
        {{"rust_shell", "Auth-Entry"}, {"rust_shell", {{"auth_entry", "rust_shell"}}}},
    }));
    const auto after = after_changes(with(service(), before), std::array{row.change});
    REQUIRE(after.has_value());
    CHECK(after->text() == row.after.text());
    CHECK(*after == row.after);
}

TEST_CASE("route rules: an unknown target or domain is refused with the nearest name") {
    const auto target = after_changes(service(), std::array{RouteChange{"legcy", {}}});
    REQUIRE_FALSE(target.has_value());
    CHECK(target.error().code == Code::usage);
    CHECK(target.error().hint == "did you mean legacy?");
    const auto domain = after_changes(service(), std::array{RouteChange{"rust", "chat_pilt"}});
    REQUIRE_FALSE(domain.has_value());
    CHECK(domain.error().hint == "did you mean chat_pilot?");
}

TEST_CASE("route rules: a domain override that outranks a global rollback is a trap") {
    const RouteStatus status = with(service(), {{}, {{"chat_pilot", "rust_shell"}}});
    const auto traps = traps_of(status, Changes{{"rollback", {}}}, {});
    REQUIRE(traps.size() == 1);
    CHECK(traps[0].id == "outranked");
    CHECK(traps[0].text.find("chat_pilot") != std::string::npos);
    CHECK(traps[0].hint.text() == "clear it first: oa-stream route clear --domain chat_pilot");
    // Set together, each reaches what it is about.
    CHECK(traps_of(status, Changes{{"clear", "chat_pilot"}, {"rollback", {}}}, {}).empty());
    CHECK(traps_of(status, Changes{{"rollback", {}}, {"rust", "chat-pilot"}}, {}).empty());
    CHECK(traps_of(status, Changes{{"rust", {}}}, {}).empty());
}

TEST_CASE("route rules: legacy forced by the environment is a trap for a global rust alone") {
    RouteStatus status = service();
    status.force_legacy = true;
    const auto traps = traps_of(status, Changes{{"rust", {}}}, {});
    REQUIRE(traps.size() == 3);
    CHECK(traps[0].id == "force-legacy");
    CHECK(traps_of(status, Changes{{"rust", "auth_entry"}}, {}).empty());
    CHECK(traps_of(status, Changes{{"legacy", {}}}, {}).empty());
}

TEST_CASE("fault 42: a path below /api is pinned, and every change says what it does not touch") {
    const std::vector<std::string> paths{"/api/chat/stream"};
    const auto traps = traps_of(service(), Changes{{"legacy", {}}}, paths);
    REQUIRE(traps.size() == 1);
    CHECK(traps[0].id == "pinned");
    CHECK(notes_of(service(), Changes{{"legacy", {}}}).back() == k_lane_untouched);
    const auto plan = plan_for(service(), {{"legacy", {}}});
    REQUIRE(plan.has_value());
    CHECK(route_plan_text(*plan).find(k_lane_untouched) != std::string::npos);
    CHECK(to_json(*plan)["touches_stream_lane"] == false);
}

TEST_CASE("fault 44: what is written and what undoes it, in opposite orders") {
    const Overrides from{"rust_shell", {{"auth_entry", "legacy"}}};
    const RouteStatus status = with(service(), from);
    const auto plan =
        plan_for(status, {{"legacy", {}}, {"clear", "auth_entry"}, {"legacy", "chat_pilot"}});
    REQUIRE(plan.has_value());
    const auto texts = [](const std::vector<RouteWrite>& writes) {
        std::vector<std::string> out;
        for (const RouteWrite& write : writes) {
            out.push_back(write.text());
        }
        return out;
    };
    CHECK(
        texts(plan->writes()) ==
        std::vector<std::string>{"auth_entry: clear", "chat_pilot: legacy", "global: legacy"}
    );
    CHECK(
        texts(plan->undo()) ==
        std::vector<std::string>{"global: rust", "chat_pilot: clear", "auth_entry: legacy"}
    );
    const auto nothing = plan_for(status, {{"rust", {}}});
    REQUIRE(nothing.has_value());
    CHECK_FALSE(nothing->changes());
}

TEST_CASE("fault 45: the domains are those of the status answer") {
    RouteStatus status = service();
    status.groups.push_back({"new_domain", {"/new"}, "legacy"});
    const auto plan = plan_for(status, {{"legacy", {}}});
    REQUIRE(plan.has_value());
    CHECK(plan->paths == std::vector<std::string>{"/login", "/billing", "/chat", "/new"});
    const auto one = plan_for(status, {{"legacy", "new-domain"}}, {"/new/page"});
    REQUIRE(one.has_value());
    CHECK(one->paths == std::vector<std::string>{"/new", "/new/page"});
}

TEST_CASE("route rules: a status or decision that is none is refused by member") {
    Json good = to_json(service());
    CHECK(parse_route_status(good).has_value());
    for (const char* key :
         {"enabled", "mode", "cohort_percentage", "rust_routes", "force_legacy", "route_groups"}) {
        Json bad = good;
        bad.erase(key);
        const auto parsed = parse_route_status(bad);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == Code::protocol);
        CHECK(parsed.error().message.find(key) != std::string::npos);
    }
    CHECK_FALSE(parse_route_status(Json::array()).has_value());
    CHECK_FALSE(parse_route_decision(Json{{"path", "/"}, {"target", 1}}).has_value());
    const Overrides some{"legacy", {{"chat_pilot", "rust_shell"}}};
    CHECK(*parse_overrides(to_json(some)) == some);
    CHECK(*parse_overrides(to_json(Overrides{})) == Overrides{});
    CHECK_FALSE(parse_overrides(Json{{"global", nullptr}}).has_value());
}

TEST_CASE("route rules: notes tell what a rollback word means where it means something else") {
    const auto notes = notes_of(service(), Changes{{"rollback", "chat_pilot"}});
    REQUIRE(notes.size() == 2);
    CHECK(notes[0] == "chat_pilot rolls back to rust_shell, not to legacy");
    RouteStatus nowhere = service();
    nowhere.legacy_base_url.reset();
    CHECK(notes_of(nowhere, Changes{{"legacy", "auth_entry"}}).size() == 2);
    const RouteStatus left = with(service(), {"legacy", {{"auth_entry", "rust_shell"}}});
    CHECK(notes_of(left, Changes{{"clear", {}}})[0].find("in place") != std::string::npos);
}
