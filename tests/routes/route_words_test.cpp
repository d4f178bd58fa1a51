// The edges of the rules, traps and notes of routes, and of the service's documents.
#include "rig.hpp"

#include <catch2/catch.hpp>

#include <array>

using namespace oa_stream;
using namespace oa_stream::routes;
using namespace oa_stream::routes::testing;

namespace {

std::string refusal_of(const Json& status) {
    const auto parsed = parse_route_status(status);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().code == Code::protocol);
    return parsed.error().message;
}

std::vector<RouteTrap>
traps(const RouteStatus& status, std::vector<RouteChange> changes, std::vector<std::string> paths) {
    return traps_of(status, changes, paths);
}

std::vector<std::string> notes(const RouteStatus& status, std::vector<RouteChange> changes) {
    return notes_of(status, changes);
}

} // namespace

TEST_CASE("route rules: a path is under a prefix that it equals or that ends at a slash of it") {
    RouteStatus status = split_status();
    status.rust_routes = {"/pilot"};
    const auto target = [&](std::string_view path) { return rule_for(status, path).reason; };
    CHECK(target("/pilot") == "mode_rust");
    CHECK(target("/pilot/a") == "mode_rust");
    CHECK(target("/pilots") == "legacy_route_default");
    CHECK(target("/pilo") == "legacy_route_default");
    CHECK(target("/a/pilot") == "legacy_route_default");
    CHECK(target("/") == "legacy_route_default");
    CHECK(group_of(status, "/chat/a")->domain == "chat_pilot");
    CHECK(group_of(status, "/chats") == nullptr);
}

TEST_CASE("route rules: a cohort of everybody or nobody is no choice") {
    RouteStatus status = split_status();
    status.mode = "cohort";
    const auto target = [&](int percentage) {
        status.cohort_percentage = percentage;
        return rule_for(status, "/login").target;
    };
    CHECK(target(100) == "rust_shell");
    CHECK(target(99).empty());
    CHECK(target(1).empty());
    CHECK(target(0) == "legacy");
    status.mode = "legacy";
    CHECK(rule_for(status, "/login").target == "legacy");
    CHECK(RouteRule{"", "mode_cohort"}.text() == "by cohort (mode_cohort)");
}

TEST_CASE("route rules: each reason has its words, and a new one has none") {
    CHECK(explain_reason("runtime_override") == "the global override");
    CHECK(explain_reason("mode_legacy") == "the service's mode");
    CHECK(explain_reason("a_new_one").empty());
}

TEST_CASE("route rules: overrides in words, and of a domain") {
    const Overrides both{"legacy", {{"auth_entry", "legacy"}, {"chat_pilot", "rust_shell"}}};
    CHECK(both.text() == "global legacy, auth_entry legacy, chat_pilot rust_shell");
    CHECK(Overrides{{}, {{"auth_entry", "legacy"}}}.text() == "auth_entry legacy");
    CHECK(Overrides{}.text() == "none");
    CHECK(both.of({}) == "legacy");
    CHECK(both.of("chat_pilot") == "rust_shell");
    CHECK(both.of("labs") == std::nullopt);
    CHECK(overrides_of(with_overrides(split_status(), both)) == both);
    CHECK(overrides_of(with_overrides(with_overrides(split_status(), both), {})) == Overrides{});
}

TEST_CASE("route rules: a write for each value that differs, and for no other") {
    const auto texts = [](const Overrides& from, const Overrides& to) {
        std::string out;
        for (const RouteWrite& write : writes_between(from, to)) {
            out += write.text() + "; ";
        }
        return out;
    };
    const Overrides from{"legacy", {{"a", "legacy"}, {"b", "legacy"}, {"c", "legacy"}}};
    const Overrides to{"rust_shell", {{"a", "legacy"}, {"b", "rust_shell"}, {"d", "elsewhere"}}};
    CHECK(texts(from, to) == "b: rust; c: clear; d: elsewhere; global: rust; ");
    CHECK(texts(from, from).empty());
    CHECK(texts(from, {{}, from.domains}) == "global: clear; ");
}

TEST_CASE("route rules: effects of a path of each domain and of those asked, each once") {
    RouteStatus status = split_status();
    status.groups.push_back({"empty", {}, "legacy"});
    const std::array<std::string, 3> paths{"/chat", "/x", "/register"};
    const auto effects = effects_of(status, {{}, {{"auth_entry", "legacy"}}}, paths);
    std::string all;
    for (const RouteEffect& one : effects) {
        all +=
            one.path + " " + one.domain + " " + one.before.target + " " + one.after.target + "; ";
    }
    CHECK(
        all == "/login auth_entry rust_shell legacy; /billing billing_l402 rust_shell rust_shell; "
               "/chat chat_pilot rust_shell rust_shell; /x  rust_shell rust_shell; "
               "/register auth_entry rust_shell legacy; "
    );
}

TEST_CASE("route rules: targets of a domain, and words that are none") {
    const auto after = [](const RouteChange& change) {
        return after_changes(split_status(), std::array{change});
    };
    CHECK(after({" Legacy ", {}})->text() == "global legacy");
    CHECK(after({"rust_shell", {}})->text() == "global rust_shell");
    CHECK(after({"rust", {}})->text() == "global rust_shell");
    CHECK(after({"rollback", "auth_entry"})->text() == "auth_entry legacy");
    CHECK(after({"default", {}})->text() == "none");
    CHECK(after({"clear", "auth_entry"})->text() == "none");
    CHECK(after({"zzzzzzzzzz", {}}).error().hint == "legacy, rust, rollback or clear");
    CHECK(after({"legacy", "zzzzzzzzzz"}).error().hint.empty());
    CHECK(is_about({"legacy", "Auth-Entry"}, split_status().groups[0]));
    CHECK_FALSE(is_about({"legacy", "chat_pilot"}, split_status().groups[0]));
    CHECK_FALSE(is_about({"legacy", {}}, split_status().groups[0]));
}

TEST_CASE("route traps: a path below /api is one, a change of no domain is none") {
    const RouteStatus status = split_status();
    CHECK(traps(status, {}, {"/api/runtime/codex/workers", "/login"}).size() == 1);
    CHECK(traps(status, {}, {"/api/chat"}).at(0).id == "pinned");
    CHECK(traps(status, {}, {"/login"}).empty());
    CHECK(traps(status, {{"legacy", "auth_entry"}}, {}).empty());
    // An unknown target has been refused before: the paths alone are told.
    CHECK(traps(status, {{"nowhere", {}}}, {"/api"}).size() == 1);
    CHECK(traps(status, {{"nowhere", {}}, {"rust", {}}}, {}).empty());
}

TEST_CASE("route traps: a domain without a path cannot be outranked, one that is forced can") {
    RouteStatus status = split_status();
    status.groups = {{"empty", {}, "legacy", "rust_shell"}, status.groups[0]};
    CHECK(traps(status, {{"legacy", {}}}, {}).empty());
    status.groups[1].override_target = "rust_shell";
    const auto outranked = traps(status, {{"legacy", {}}}, {});
    REQUIRE(outranked.size() == 1);
    CHECK(
        outranked[0].text == "a global legacy does not reach auth_entry: its own override "
                             "(rust_shell) outranks the global one"
    );
    // The last change of the domain counts, and clearing means nothing certain.
    CHECK(traps(status, {{"legacy", "auth_entry"}, {"legacy", {}}}, {}).empty());
    CHECK(traps(status, {{"clear", {}}}, {}).empty());
    status.groups[1].override_target.reset();
    status.force_legacy = true;
    const auto forced = traps(status, {{"rust", {}}}, {});
    REQUIRE(forced.size() == 1);
    CHECK(forced[0].id == "force-legacy");
    CHECK(forced[0].hint.text() == "an override of the domain outranks it: --domain auth_entry");
}

TEST_CASE("route notes: a rollback is told where its target is not legacy") {
    const RouteStatus status = split_status();
    const std::string lane(k_lane_untouched);
    CHECK(
        notes(status, {{" Rollback ", {}}}) ==
        std::vector<std::string>{
            "a global rollback is legacy for chat_pilot too, whose own rollback target is "
            "rust_shell",
            lane,
        }
    );
    CHECK(
        notes(status, {{"rollback", "chat_pilot"}}) ==
        std::vector<std::string>{"chat_pilot rolls back to rust_shell, not to legacy", lane}
    );
    CHECK(notes(status, {{"rollback", "auth_entry"}}) == std::vector<std::string>{lane});
    CHECK(notes(status, {{"legacy", {}}}) == std::vector<std::string>{lane});
    CHECK(notes(status, {{"rust", "chat_pilot"}}) == std::vector<std::string>{lane});
}

TEST_CASE("route notes: what clearing leaves, and legacy that leads nowhere") {
    RouteStatus status = with_overrides(split_status(), {{}, {{"auth_entry", "rust_shell"}}});
    const std::string left = "clearing the global override leaves those of the domains in place";
    CHECK(notes(status, {{"clear", {}}}).at(0) == left);
    CHECK(notes(status, {{"Default", {}}}).at(0) == left);
    CHECK(notes(status, {{"rust", {}}}).size() == 1);
    CHECK(notes(status, {{"clear", "chat_pilot"}}).size() == 1);
    CHECK(notes(status, {{"clear", "auth_entry"}, {"clear", {}}}).size() == 1);
    status.legacy_base_url.reset();
    const std::string nowhere =
        "the service has no legacy_base_url: paths decided legacy have no target";
    CHECK(notes(status, {{"legacy", {}}}).at(0) == nowhere);
    CHECK(notes(status, {{"legacy", "chat_pilot"}}).at(0) == nowhere);
    CHECK(notes(status, {{"rust", {}}}).size() == 1);
}

TEST_CASE("route documents: a status is read back as it was, whatever is set in it") {
    RouteStatus status = with_overrides(split_status(), {"legacy", {{"chat_pilot", "legacy"}}});
    status.mode = "cohort";
    status.cohort_percentage = 0;
    status.force_legacy = true;
    const Json json = to_json(status);
    CHECK(to_json(parse_route_status(json).value()) == json);
    const Json plain = to_json(RouteStatus{.mode = "legacy"});
    const RouteStatus read = parse_route_status(plain).value();
    CHECK_FALSE(read.legacy_base_url.has_value());
    CHECK_FALSE(read.override_target.has_value());
    CHECK(to_json(read) == plain);
    Json without = json;
    without.erase("legacy_base_url");
    CHECK_FALSE(parse_route_status(without)->legacy_base_url.has_value());
}

TEST_CASE("route documents: the first member that is wrong is named") {
    const Json good = to_json(split_status());
    CHECK(refusal_of(Json::array()) == "route split status: this is not an object");
    const auto with = [&](const char* key, Json value) {
        Json out = good;
        out[key] = std::move(value);
        return out;
    };
    CHECK(refusal_of(with("enabled", 1)) == "route split status: enabled is not true or false");
    const std::string count = "route split status: cohort_percentage is not a number from 0 to 100";
    CHECK(refusal_of(with("cohort_percentage", -1)) == count);
    CHECK(refusal_of(with("cohort_percentage", 101)) == count);
    CHECK(refusal_of(with("cohort_percentage", "5")) == count);
    CHECK(parse_route_status(with("cohort_percentage", 0))->cohort_percentage == 0);
    CHECK(parse_route_status(with("cohort_percentage", 100))->cohort_percentage == 100);
    CHECK(refusal_of(with("rust_routes", "/")) == "route split status: rust_routes is not a list");
    CHECK(
        refusal_of(with("rust_routes", Json::array({"/", 1}))) ==
        "route split status: rust_routes is not a list of strings"
    );
    CHECK(
        refusal_of(with("override_target", 1)) ==
        "route split status: override_target is not a string"
    );
    CHECK(
        refusal_of(with("route_groups", Json::object())) ==
        "route split status: route_groups is not a list"
    );
    CHECK(
        refusal_of(with("route_groups", Json::array({1}))) == "route group: this is not an object"
    );
    CHECK(
        refusal_of(with(
            "route_groups", Json::array({{{"domain", "a"}, {"route_prefixes", Json::array()}}})
        )) == "route group: rollback_target is not a string"
    );
    Json two = with("mode", 1);
    two["enabled"] = "yes";
    CHECK(refusal_of(two) == "route split status: enabled is not true or false");
}

TEST_CASE("route documents: a decision, with a bucket or without") {
    const Json whole{
        {"path", "/login"},
        {"target", "legacy"},
        {"reason", "mode_cohort"},
        {"route_domain", "auth_entry"},
        {"rollback_target", "legacy"},
        {"cohort_bucket", 42},
        {"cohort_key", "me"},
    };
    const RouteDecision read = parse_route_decision(whole).value();
    CHECK(read.cohort_bucket == 42);
    CHECK(read.domain == "auth_entry");
    CHECK(to_json(read) == whole);
    for (const Json& none : {Json(nullptr), Json()}) {
        Json plain = whole;
        plain["cohort_bucket"] = none;
        plain["route_domain"] = none;
        const RouteDecision seen = parse_route_decision(plain).value();
        CHECK_FALSE(seen.cohort_bucket.has_value());
        CHECK_FALSE(seen.domain.has_value());
        CHECK(to_json(seen) == plain);
    }
    Json missing = whole;
    missing.erase("cohort_bucket");
    CHECK_FALSE(parse_route_decision(missing)->cohort_bucket.has_value());
    Json wrong = whole;
    wrong["cohort_bucket"] = "a";
    CHECK(
        parse_route_decision(wrong).error().message ==
        "route decision: cohort_bucket is not a number from 0 to 100"
    );
}

TEST_CASE("route documents: overrides are read by domain, and nothing else is taken for them") {
    CHECK(parse_overrides({{"domains", Json::object()}}).value() == Overrides{});
    CHECK(
        parse_overrides({{"domains", Json::array()}}).error().message ==
        "overrides: domains is not an object"
    );
    CHECK(
        parse_overrides({{"domains", {{"a", "legacy"}, {"b", 1}}}}).error().message ==
        "overrides: b is not a string"
    );
    CHECK(
        parse_overrides({{"global", 1}, {"domains", Json::object()}}).error().message ==
        "overrides: global is not a string"
    );
    CHECK(parse_overrides(Json(nullptr)).error().message == "overrides: this is not an object");
}
