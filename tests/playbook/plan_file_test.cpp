// Plan files: immutable, for one use, for as long as nothing drifted.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/playbook/file.hpp"
#include "oa_stream/playbook/operate.hpp"

#include "plan/plan_file.hpp"
#include "temp_folder.hpp"
#include "world.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

using namespace oa_stream;
using namespace oa_stream::playbook;
using testing::World;

namespace {

constexpr std::string_view k_text = R"(version: 1
kind: cutover
name: small
variables:
  - { name: canary, required: true }
target: { base_url: "http://127.0.0.1:1" }
traffic: { driver: local, socket: /tmp/door.sock, base_url: "http://127.0.0.1:1", stable: stable, canary: "${canary}" }
preflight: [{ smoke: stream, through: canary }]
stages: [0%, 50%, 100%]
stage:
  bake: 10m
  probe: { rate: 2/s, per: arm, unpinned: 2/s }
  gates: [{ bad: any, at_most: 5% }]
postflight: [{ smoke: stream }]
)";

traffic::TrafficState live(int canary = 0) {
    traffic::TrafficState out;
    out.wanted = out.serving = World::split(canary);
    out.etag = "7";
    out.exact = {{"weights", {{"stable", 100 - canary}, {"canary", canary}}}};
    return out;
}

Plan plan_of(
    std::string created_at = "2026-02-22T04:36:00.000Z",
    const std::string& text = std::string(k_text)
) {
    const config::Values set{{"canary", "canary"}};
    auto playbook = read_playbook(text, "small.yaml", set);
    REQUIRE(playbook.has_value());
    PlanFacts facts;
    facts.created_at = std::move(created_at);
    facts.etag = "7";
    facts.exact = live().exact;
    facts.revisions = {{"stable", {{"version", {{"build", "1"}}}}}, {"canary", nullptr}};
    facts.warnings = {"something"};
    facts.probes = false;
    auto plan = make_plan(
        *std::move(playbook),
        "local",
        "local:/tmp/door.sock",
        live(),
        PlanSource{"small.yaml", text, set},
        std::move(facts)
    );
    REQUIRE(plan.has_value());
    return *std::move(plan);
}

Result<Plan> read(const Json& json) {
    return read_plan(json.dump(2), "plan.json");
}

} // namespace

TEST_CASE("plan file: what is read is what was written, made again from the playbook's text") {
    const Plan plan = plan_of();
    const auto again = read(to_json(plan));
    REQUIRE(again.has_value());
    CHECK(again->id == plan.id);
    CHECK(to_json(*again) == to_json(plan));
    CHECK(again->steps.size() == plan.steps.size());
    CHECK_FALSE(again->facts.probes);
    CHECK(plan_of("2026-02-22T04:36:01.000Z").id != plan.id); // a plan of another hour is another
}

TEST_CASE("plan file: a request that does not serve yet is read as it was written") {
    std::string text(k_text);
    text.replace(text.find("kind: cutover"), 13, "kind: rollback");
    text.resize(text.find("stages:"));
    const config::Values set{{"canary", "canary"}};
    auto playbook = read_playbook(text, "back.yaml", set);
    INFO((playbook ? "" : playbook.error().text()));
    REQUIRE(playbook.has_value());
    auto asked = live();
    asked.wanted = World::split(25);
    PlanFacts facts;
    facts.created_at = "2026-02-22T04:36:00.000Z";
    facts.etag = asked.etag;
    facts.exact = asked.exact;
    const auto plan = make_plan(
        *std::move(playbook),
        "local",
        "local:/tmp/door.sock",
        asked,
        PlanSource{"back.yaml", text, set},
        std::move(facts)
    );
    REQUIRE(plan.has_value());
    const auto again = read(to_json(*plan));
    INFO((again ? "" : again.error().text()));
    REQUIRE(again.has_value());
    CHECK(to_json(*again) == to_json(*plan));
    CHECK(again->changes());
    CHECK(drift_from_plan(*again, live(), Json::object()).empty()); // somebody was quicker
}

TEST_CASE("plan file: its settings have to lead to what it was made for") {
    Plan plan = plan_of();
    const testing::FakeDriver driver;
    plan.target = driver.target();
    CHECK(check_target(plan, driver, "cd there").has_value());
    plan.target = "fake:two";
    const auto refused = check_target(plan, driver, "cd there");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Code::precondition);
    CHECK(
        refused.error().message ==
        "the plan is for fake:two, and here its settings lead to fake:one"
    );
    CHECK(refused.error().hint == "cd there");
}

TEST_CASE("plan file: every edit is refused, exit 6") {
    const Json whole = to_json(plan_of());
    for (const auto& [key, value] : whole.items()) {
        CAPTURE(key);
        Json edited = whole;
        edited[key] = key == "id" ? Json(std::string(64, '0')) : Json("edited");
        const auto got = read(edited);
        REQUIRE_FALSE(got.has_value());
        const bool no_plan = key == "schema";
        CHECK(exit_code(got.error().code) == (no_plan ? ExitCode::usage : ExitCode::refused));
    }
    Json stages = whole;
    stages["source"]["text"] = std::string(k_text).replace(k_text.find("5%"), 2, "9%");
    CHECK(read(stages).error().code == Code::precondition);
    Json set = whole;
    set["source"]["set"]["canary"] = "other";
    CHECK(read(set).error().code == Code::precondition);
}

TEST_CASE("plan file: a member that stands twice is an edit, whichever of them is true") {
    const std::string text = to_json(plan_of()).dump();
    const std::string first = R"({"created_at":"2026-02-22T09:00:00.000Z",)" + text.substr(1);
    REQUIRE(read_plan(text, "plan.json", Trust::verified).has_value());
    const auto got = read_plan(first, "plan.json", Trust::verified);
    REQUIRE_FALSE(got.has_value());
    CHECK(got.error().message.contains("'created_at' appears twice"));
    CHECK(read_plan(first, "plan.json", Trust::rescue).has_value());
}

TEST_CASE("plan file: an id that fits edited steps does not help: they are made again") {
    Json forged = to_json(plan_of());
    forged["steps"][1]["title"] = "harmless";
    forged.erase("id");
    forged["id"] = canonical_digest(forged);
    CHECK(read(forged).error().code == Code::precondition);
}

TEST_CASE("plan file: what is no plan is an unreadable input, exit 2") {
    for (const std::string_view text :
         {"", "{}", "[]", "null", "{\"schema\":\"other\"}", "nonsense"}) {
        const auto got = read_plan(text, "plan.json");
        REQUIRE_FALSE(got.has_value());
        CHECK(exit_code(got.error().code) == ExitCode::usage);
    }
}

TEST_CASE("plan file: to take a run back its plan needs no proof") {
    Json edited = to_json(plan_of());
    edited["warnings"].push_back("by another release");
    CHECK_FALSE(read(edited).has_value());
    const auto rescue = read_plan(edited.dump(), "plan.json", Trust::rescue);
    REQUIRE(rescue.has_value());
    CHECK(rescue->baseline == World::split(0));
    CHECK(rescue->target == "local:/tmp/door.sock");
    CHECK(rescue->facts.exact == live().exact);
    std::vector<traffic::Split> written; // what the run may have written, when nothing else tells
    for (const Step& step : rescue->steps) {
        REQUIRE(step.after.has_value());
        if (step.mutates()) {
            written.push_back(*step.after);
        }
    }
    CHECK(written == std::vector{World::split(50), World::split(100)});
}

TEST_CASE("plan file: a stored prompt that turns its line round keeps no run from its rollback") {
    constexpr std::string_view k_address = "{ base_url: \"http://127.0.0.1:1\" }";
    std::string text(k_text);
    text.replace(
        text.find(k_address),
        k_address.size(),
        "{ base_url: \"http://127.0.0.1:1\", prompt: \"a \u2067\u05d0\u2069 b\" }"
    );
    const Plan plan = plan_of("2026-02-22T04:36:00.000Z", text);
    CHECK(read_plan(to_json(plan).dump(), "plan.json", Trust::rescue).has_value());
}

TEST_CASE("plan file: a secret in it is refused, and named where it came from") {
    Plan plan = plan_of();
    CHECK(check_no_secret(plan, Redactor{}).has_value());
    ::setenv("OA_STREAM_DRIVER_TOKEN", "horse-battery-staple", 1);
    plan.facts.exact = {{"header", "x-key horse-battery-staple"}};
    const auto setting = check_no_secret(plan, Redactor{});
    plan.facts.exact = nullptr;
    plan.warnings.emplace_back("horse-battery-staple");
    const auto given = check_no_secret(plan, Redactor{});
    ::unsetenv("OA_STREAM_DRIVER_TOKEN");
    REQUIRE_FALSE(setting.has_value());
    CHECK(setting.error().code == Code::usage);
    CHECK(setting.error().message.starts_with("the traffic's setting"));
    REQUIRE_FALSE(given.has_value());
    CHECK(given.error().message.starts_with("the playbook"));
}

TEST_CASE("plan file: it may be applied within its validity, and not before it was made") {
    const Plan plan = plan_of();
    const WallTime made = std::chrono::system_clock::from_time_t(1771734960);
    CHECK(check_age(plan, made + std::chrono::minutes(119)).has_value());
    CHECK(check_age(plan, made + std::chrono::minutes(121)).error().code == Code::precondition);
    CHECK(check_age(plan, made - std::chrono::minutes(4)).has_value()); // clocks differ a little
    CHECK(check_age(plan, made - std::chrono::hours(1)).error().code == Code::precondition);
    CHECK_FALSE(check_age(plan_of("yesterday"), made).has_value());
}

TEST_CASE("plan file: drift names the field, what was planned and what is live") {
    const Plan plan = plan_of();
    const Json revisions = plan.facts.revisions;
    CHECK(drift_from_plan(plan, live(), revisions).empty());
    auto other = live();
    other.etag = "8";
    CHECK(drift_from_plan(plan, other, revisions).empty()); // an etag alone is nothing

    CHECK(
        drift_from_plan(plan, live(5), revisions) ==
        std::vector<std::string>{
            "traffic: planned canary 0%, stable 100%, live canary 5%, stable 95%"
        }
    );
    other = live();
    other.exact["weights"]["stable"] = 50;
    CHECK(
        drift_from_plan(plan, other, revisions) ==
        std::vector<std::string>{"setting/weights/stable: planned 100, live 50"}
    );
    Json rebuilt = revisions;
    rebuilt["stable"]["version"]["build"] = "2";
    CHECK(
        drift_from_plan(plan, live(), rebuilt) ==
        std::vector<std::string>{"revision stable/version/build: planned \"1\", live \"2\""}
    );
    Json earlier = revisions; // as plans of earlier builds have it
    earlier["stable"]["driver"] = nullptr;
    CHECK(drift_from_plan(plan, live(), earlier).empty());
    rebuilt["stable"] = nullptr; // it does not answer just now: its smoke will tell
    CHECK(drift_from_plan(plan, live(), rebuilt).empty());
}

TEST_CASE("plan file: a plan is spent by its first apply, and of many at once one has it") {
    const test::TempFolder folder;
    const Plan plan = plan_of();
    std::atomic<int> won = 0;
    std::vector<std::thread> operators;
    for (int i = 0; i < 8; ++i) {
        operators.emplace_back([&, i] {
            won += spend(folder.path, plan, "run-" + std::to_string(i)).has_value() ? 1 : 0;
        });
    }
    for (std::thread& one : operators) {
        one.join();
    }
    CHECK(won == 1);
    const auto again = spend(folder.path, plan, "run-9");
    CHECK(again.error().code == Code::precondition);
    CHECK(again.error().message.starts_with("the plan was already applied by run run-"));
    CHECK(spend(folder.path, plan_of("2026-02-22T05:00:00.000Z"), "run-9").has_value());
}

TEST_CASE("plan summary: a target is shown as the plan shows it") {
    Plan plan = plan_of();
    plan.target = R"(command:["/usr/local/bin/split","set"] )";
    const std::string on = R"( on command:["/usr/local/bin/split","set"])";
    CHECK(plan_summary({plan}, {}).contains(on + "\n"));
    CHECK(plan_diff(plan).contains(on + "\n"));
}

TEST_CASE("plan: up to five differences are named, and of more that there are more") {
    const auto live_with = [](int changed) {
        Json out = Json::object();
        for (int i = 0; i < 7; ++i) {
            out[fmt::format("k{}", i)] = i < changed ? "new" : "old";
        }
        return out;
    };
    const auto named = [&](int changed) {
        std::vector<std::string> out;
        name_differences(out, "setting", live_with(0), live_with(changed));
        return out;
    };
    CHECK(named(0).empty());
    CHECK(named(1) == std::vector<std::string>{R"(setting/k0: planned "old", live "new")"});
    CHECK(named(5).size() == 5);
    CHECK(named(5).back().starts_with("setting/k4: "));
    for (const int changed : {6, 7}) {
        CHECK(named(changed).size() == 6);
        CHECK(named(changed).back() == "setting: and more");
    }
}

TEST_CASE("plan: a long difference is cut between characters") {
    std::string wide;
    for (int i = 0; i < 100; ++i) {
        wide += "ä";
    }
    std::vector<std::string> out;
    name_differences(out, "setting", {{"k", wide}}, {{"k", "old"}});
    REQUIRE(out.size() == 1);
    CHECK_FALSE(invalid_utf8(out.front()).has_value());
    CHECK(out.front().contains("…, live \"old\""));
}

TEST_CASE("plan file: what lies in the place of an approval and is none approves nothing") {
    const test::TempFolder folder;
    const auto file = folder.path / "plan.json";
    const auto beside = folder.path / "plan.json.approval.json";
    Plan plan = plan_of();
    plan.playbook.approvals = 2;
    plan.facts.author = {{"account", "alice"}, {"host", "ops-1"}};
    const WallTime now = std::chrono::system_clock::from_time_t(1771734960);
    const auto approved = [&] { return check_approval(file, plan, now); };
    REQUIRE_FALSE(approved().has_value());
    CHECK(approved().error().hint.text().contains("oa-stream plan approve"));
    const Json good{
        {"schema", "oa-stream.approval.v1"},
        {"plan", plan.id},
        {"account", "bob"},
        {"host", "ops-2"},
        {"at", "2026-02-22T04:36:00.000Z"},
    };
    REQUIRE(write_file_atomic(beside, dump_json(good)).has_value());
    REQUIRE(approved().has_value());
    CHECK(approved().value()->by == Account{"bob", "ops-2"});

    Json other = good;
    other["schema"] = "oa-stream.run.v1";
    for (const std::string& text : {dump_json(other), dump_json(good) + "}", std::string("[]")}) {
        CAPTURE(text);
        REQUIRE(write_file_atomic(beside, text).has_value());
        const auto none = approved();
        REQUIRE_FALSE(none.has_value());
        CHECK(none.error().code == Code::precondition);
        CHECK(none.error().message == "this is not an approval of a plan");
        CHECK(none.error().where == beside.string());
    }
}
