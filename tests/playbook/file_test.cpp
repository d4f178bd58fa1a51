#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/file.hpp"
#include "oa_stream/playbook/local_rehearsal.hpp"

#include "settings.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <filesystem>

using namespace oa_stream;
using namespace oa_stream::playbook;
namespace fs = std::filesystem;

namespace {

/// The design's own example, with what a run needs filled in.
constexpr std::string_view k_example = R"(version: 1
kind: cutover
name: stream-lane-cutover
variables:
  - { name: base_url, required: true }
  - { name: stable, required: true }
  - { name: canary, required: true }
target:
  base_url: "${base_url}"
  auth: { env: AUTH_TOKEN }
  revision_header: x-oa-revision
  compat: { build: "20260221T130000Z", protocol: openagents.control.v1, schema: "1" }
traffic:
  driver: cloud-run
  project: p
  region: r
  service: s
  stable: "${stable}"
  canary: "${canary}"
slo:
  - { name: stream-good, objective: 99.9%, window: 30d, bad: http_5xx | terminal_error,
      routes: [/api/chat/stream, "/api/chats/{conversationId}/stream"] }
  - { name: stream-first-content, objective: 95%, window: 30d, good: first_content <= 2.5s }
sources: [ { prometheus: { url: "http://127.0.0.1:9090/" } }, { probe: {} } ]
preflight: [ smoke: stream, smoke: control, budget: { consumed_at_most: 5% } ]
stages: [0%, 5%, 25%, 50%, 100%]
stage:
  bake: 10m
  probe: { rate: 2/s, per: arm }
  gates:
    - { bad: http_5xx | terminal_error, at_most: 1%, confidence: 95% }
    - { p95: first_content, at_most: +20%, versus: stable, mode: observe, id: slow }
  on_inconclusive: { extend_at_most: 20m, then: rollback }
  on_no_traffic: probe
  on_error: { hold_at_most: 5m, then: rollback }
postflight: [ smoke: stream, smoke: control, shadow: { } ]
on_failure: rollback
)";

const config::Values k_values{
    {"base_url", "https://chat.example.com/"}, {"stable", "app-1"}, {"canary", "app-2"}
};

Playbook good(std::string_view text, const config::Values& set = {}) {
    auto out = read_playbook(text, "f.yaml", set);
    if (!out) {
        FAIL(out.error().text());
    }
    return *std::move(out);
}

std::string slurp(const fs::path& path) {
    return read_file(fs::path(OA_SOURCE_DIR) / path).value_or("");
}

} // namespace

TEST_CASE("playbook file: the whole of it becomes typed") {
    const Playbook got = good(k_example, k_values);
    CHECK(got.kind == Kind::cutover);
    CHECK(got.afterwards == Afterwards::stay);
    CHECK(got.target.base_url == "https://chat.example.com");
    CHECK(got.target.auth == AuthRef{"env:AUTH_TOKEN", true});
    CHECK(got.target.compat.value().schema == "1");
    CHECK(got.traffic.stable == "app-1");
    const Json cloud = got.traffic.settings->to_json();
    CHECK(cloud["endpoint"] == "https://run.googleapis.com");
    CHECK(cloud["service"] == "s");
    REQUIRE(got.slo.size() == 2);
    CHECK(got.slo[0].bad == std::vector<std::string>{"http_5xx", "terminal_error"});
    CHECK(got.slo[0].routes.size() == 2);
    CHECK(got.slo[1].first_content_s == 2.5);
    REQUIRE(got.sources.size() == 2);
    CHECK(got.sources[0]->kind().name() == "prometheus");
    CHECK(got.sources[0]->place() == "http://127.0.0.1:9090");
    CHECK(
        got.preflight ==
        std::vector<SmokeSpec>{
            {"preflight.users", Through::users, Surface::stream},
            {"preflight.control", Through::users, Surface::control}
        }
    );
    CHECK(got.budget.value().consumed_at_most == 0.05);
    CHECK(got.stages == std::vector{0, 5, 25, 50, 100});
    CHECK(got.stage.bake == Millis(600000));
    CHECK(got.stage.probe.per_arm_per_s == 2);
    CHECK(got.stage.extend_at_most == Millis(1200000));
    CHECK(got.stage.error_hold_at_most == Millis(300000));
    REQUIRE(got.stage.gates.size() == 2);
    CHECK(got.stage.gates[0].id == "error-rate");
    CHECK(got.stage.gates[0].limit == 0.01);
    CHECK(got.stage.gates[0].events == "http_5xx | terminal_error");
    CHECK(got.stage.gates[1].id == "slow");
    CHECK(got.stage.gates[1].mode == measure::GateMode::observe);
    CHECK(got.stage.gates[1].against == measure::Against::stable);
    CHECK(got.stage.gates[1].limit == Approx(0.2));
    CHECK(got.shadow.has_value());
    CHECK(got.validity == Millis(7200000));
}

TEST_CASE("playbook file: each driver has its own settings") {
    const auto with = [](std::string_view text) { return traffic_of(text).settings->to_json(); };
    CHECK(with("driver: local, socket: /run/front.sock")["socket"] == "/run/front.sock");
    const Json haproxy =
        with("driver: haproxy, socket: \"127.0.0.1:9999\", backend: chat, canary_server: s2");
    CHECK(haproxy["socket"] == "127.0.0.1:9999");
    CHECK(haproxy["canary_server"] == "s2");
    const auto cloud = traffic_of(
        "driver: cloud-run, endpoint: \"http://127.0.0.1:1/\", project: p, region: r, service: s, "
        "auth: { file: /t, required: false }"
    );
    CHECK(cloud.settings->to_json()["endpoint"] == "http://127.0.0.1:1");
    CHECK(cloud.settings->credential() == AuthRef{"file:/t", false});
    const Json command =
        with("driver: command, read: [split, get], set: [split, put], timeout: 5s");
    CHECK(command["read"] == Json::array({"split", "get"}));
    CHECK(command["timeout_ms"] == 5000);
}

TEST_CASE("variables: a run names all that are missing at once; a look keeps their names") {
    const auto run = load_playbook(k_example, "f.yaml", {{"stable", "x"}}, Unset::refuse);
    REQUIRE(run.problems.size() == 1);
    CHECK(
        run.problems[0].text() ==
        "f.yaml: no value for base_url, canary (--set base_url=… --set canary=…)"
    );
    const auto look = load_playbook(k_example, "f.yaml", {}, Unset::keep);
    REQUIRE(look.playbook.has_value());
    CHECK(look.unset == std::vector<std::string>{"base_url", "stable", "canary"});
    CHECK(look.playbook->traffic.canary == "${canary}");
}

TEST_CASE("variables: an empty one leaves an optional key out") {
    const auto shipped = find_playbook("steady-state");
    REQUIRE(shipped.has_value());
    CHECK(good(shipped->text, {{"base_url", "http://h"}}).target.control_url.empty());
    CHECK(
        good(shipped->text, {{"base_url", "http://h"}, {"control_url", "http://c"}})
            .target.control_url == "http://c"
    );
}

TEST_CASE("shipped playbooks: the binary's are those of playbooks/, and each is valid") {
    std::size_t files = 0;
    for (const auto& entry : fs::directory_iterator(fs::path(OA_SOURCE_DIR) / "playbooks")) {
        files += entry.path().extension() == ".yaml" ? 1U : 0U;
    }
    CHECK(shipped_playbooks().size() == files);
    for (const ShippedPlaybook& shipped : shipped_playbooks()) {
        CAPTURE(shipped.name);
        CHECK(shipped.text == slurp(fmt::format("playbooks/{}.yaml", shipped.name)));
        const Loaded loaded = load_playbook(shipped.text, shipped.name, {}, Unset::keep);
        if (!loaded.problems.empty()) {
            FAIL(loaded.problems.front().text());
        }
        CHECK_FALSE(loaded.playbook->summary.empty());
        CHECK(explain(*loaded.playbook).starts_with(loaded.playbook->name + ": "));
        if (!loaded.playbook->target.base_url.empty()) {
            const config::Values ca{{"ca", "ca.pem"}};
            const Loaded given = load_playbook(shipped.text, shipped.name, ca, Unset::keep);
            REQUIRE(given.playbook.has_value());
            CHECK(given.playbook->target.ca == "ca.pem");
        }
    }
}

TEST_CASE("shipped playbooks: what would undo or hide a change later is a caution") {
    const config::Values common{{"base_url", "http://h"}, {"stable", "r1"}, {"canary", "r2"}};
    const auto cautions = [&](std::string_view name, config::Values set, const auto& live) {
        set.insert(common.begin(), common.end());
        const Traffic traffic = good(find_playbook(name)->text, set).traffic;
        return traffic.settings->cautions(traffic.arms(), live).size();
    };
    traffic::TrafficState live;
    const config::Values haproxy{{"socket", "/s"}, {"backend", "b"}};
    CHECK(cautions("cutover-haproxy", haproxy, live) == 1);
    config::Values kept = haproxy;
    kept["state_file"] = "/state";
    CHECK(cautions("cutover-haproxy", kept, live) == 0);
    CHECK(cautions("cutover-local", {{"socket", "/s"}}, live) == 0);

    const config::Values service{{"project", "p"}, {"region", "r"}, {"service", "s"}};
    for (const auto& [newest, count] : {std::pair("r2", 0U), std::pair("r3", 1U)}) {
        live.extra = {{"latestReadyRevision", newest}};
        CHECK(cautions("cutover", service, live) == count);
    }
    live.serving = traffic::Split::of({{"r3", 100}}).value();
    CHECK(cautions("cutover", service, live) == 0);
}

TEST_CASE("shipped playbooks: the local rehearsal keeps its numbers") {
    const Playbook got = local_rehearsal({});
    CHECK(got.stage.bake == Millis(4000));
    CHECK(got.stage.probe.per_arm_per_s == 25);
    CHECK(got.stages == std::vector{0, 5, 25, 50, 100});
    CHECK(got.afterwards == Afterwards::restore);
    REQUIRE(got.stage.gates.size() == 4);
    CHECK(got.stage.gates[1].id == "error-rate-vs-stable");
    CHECK(got.stage.gates[1].limit == 0.05);
    CHECK(got.stage.gates[3].limit == 0.5);
    CHECK(got.run_gates.at(0).limit == 0.01);
    CHECK(local_rehearsal({.bake = Millis(70), .rate = 3}).stage.extend_at_most == Millis(70));
}

TEST_CASE("playbooks: schema and page are those made from the tables") {
    const std::string schema = playbook_schema().dump(2) + "\n";
    const std::string page = playbook_page();
    const fs::path fresh = fs::path(OA_BINARY_DIR);
    if (slurp("playbooks/playbook.schema.json") != schema) {
        REQUIRE(write_file_atomic(fresh / "playbook.schema.json", schema).has_value());
        FAIL("playbooks/playbook.schema.json differs from " << fresh / "playbook.schema.json");
    }
    if (slurp("docs/playbooks.md") != page) {
        REQUIRE(write_file_atomic(fresh / "playbooks.md", page).has_value());
        FAIL("docs/playbooks.md differs from " << fresh / "playbooks.md");
    }
}

TEST_CASE("playbooks: found by name or path, with the nearest name") {
    CHECK(find_playbook("cutover").value().file == "cutover");
    CHECK(find_playbook("cutovr").error().hint == "did you mean cutover?");
    CHECK(find_playbook("cutovr").error().code == Code::usage);
    CHECK(find_playbook("no/such.yaml").error().code == Code::unreadable);
    const std::string path = std::string(OA_SOURCE_DIR) + "/playbooks/cutover.yaml";
    CHECK(find_playbook(path).value().text == find_playbook("cutover").value().text);
}

TEST_CASE("playbooks: everything that decides what happens is in the plan's JSON") {
    const Json base = to_json(good(k_example, k_values));
    const auto changed = [&](std::string_view from, std::string_view to) {
        std::string text(k_example);
        const auto at = text.find(from);
        REQUIRE(at != std::string::npos);
        return to_json(good(text.replace(at, from.size(), to), k_values)) != base;
    };
    CHECK(changed("env: AUTH_TOKEN", "env: OTHER"));
    CHECK(changed("region: r", "region: q"));
    CHECK(changed("extend_at_most: 20m, then: rollback", "extend_at_most: 20m, then: hold"));
    CHECK(changed("mode: observe, ", ""));
    CHECK(changed("on_no_traffic: probe", "on_no_traffic: hold"));
    CHECK(changed("hold_at_most: 5m", "hold_at_most: 6m"));
    CHECK(changed("consumed_at_most: 5%", "consumed_at_most: 6%"));
    CHECK(changed("on_failure: rollback", "on_failure: hold"));
    CHECK(changed("on_failure: rollback", "validity: 1h"));
    CHECK(changed("on_failure: rollback", "rollback: { ramp: 30s }"));
    CHECK(changed("shadow: { }", "shadow: { p95_delta_at_most: 1s }"));
}

namespace {

std::string with_gates(int count) {
    std::string out = R"(version: 1
kind: cutover
continuity: new-threads-only
continuity_reason: none are kept
name: many
target: { base_url: "http://127.0.0.1:1" }
traffic: { driver: local, socket: /run/x.sock, base_url: "http://127.0.0.1:1", stable: a, canary: b }
stages: [0%, 50%]
stage:
  bake: 1s
  probe: { rate: 25/s, unpinned: 25/s }
  gates:
)";
    for (int i = 0; i < count; ++i) {
        out += fmt::format("    - {{ id: g{}, bad: any, at_most: 5% }}\n", i);
    }
    return out + "  on_inconclusive: { extend_at_most: 1s, then: rollback }\n";
}

/// Of this process alone: what else runs on the machine does not count.
double cpu_s_of(const std::string& text) {
    const std::clock_t began = std::clock();
    const auto playbook = read_playbook(text, "many.yaml", {});
    REQUIRE(playbook.has_value());
    REQUIRE(validate(*playbook).has_value());
    return static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
}

} // namespace

TEST_CASE("playbook: five thousand gates are read in a time that grows as their number") {
    const std::string few = with_gates(1'000);
    const std::string many = with_gates(5'000);
    double few_s = 1e9;
    double many_s = 1e9;
    for (int i = 0; i < 3; ++i) { // the best of three: a page that had to be fetched is no rule
        few_s = std::min(few_s, cpu_s_of(few));
        many_s = std::min(many_s, cpu_s_of(many));
    }
    CAPTURE(few_s, many_s);
    CHECK(many_s < 12 * few_s); // by the square it would be 25 times as long
}
