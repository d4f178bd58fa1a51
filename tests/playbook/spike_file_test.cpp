// Gates on the control service's signals, as playbook files say them.
#include "oa_stream/base/file.hpp"
#include "oa_stream/playbook/file.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>
#include <tuple>

using namespace oa_stream;
using namespace oa_stream::playbook;

namespace {

std::string text(std::string_view kind, std::string_view gates, std::string_view source) {
    return fmt::format(
        R"(version: 1
kind: {}
name: small
target: {{ base_url: "http://127.0.0.1:8080" }}
traffic: {{ driver: haproxy, socket: /run/haproxy.sock, backend: chat, stable: a, canary: b }}
sources: [ asserted: {{ {} }} ]
stages: [0%, 50%]
stage:
  bake: 10m
  probe: {{ rate: 2/s, per: arm }}
  gates:
    - {{ bad: any, at_most: 1% }}
    - {}
)",
        kind,
        source,
        gates
    );
}

Playbook good(const std::string& text) {
    auto out = read_playbook(text, "f.yaml", {});
    if (!out) {
        FAIL(out.error().text());
    }
    return *std::move(out);
}

constexpr std::string_view k_gate = "{ spike: sync_token_errors, at_most: +100% }";
constexpr std::string_view k_counts =
    "reason: log explorer, sync_token_errors: \"canary 30/1000, stable 100/20000\"";

config::Values cutover_values(std::initializer_list<std::pair<std::string, std::string>> more) {
    config::Values out{
        {"base_url", "https://chat.example.com"},
        {"stable", "app-1"},
        {"canary", "app-2"},
        {"project", "p"},
        {"region", "r"},
        {"service", "s"},
    };
    for (const auto& [name, value] : more) {
        out.insert_or_assign(name, value);
    }
    return out;
}

Playbook cutover(std::initializer_list<std::pair<std::string, std::string>> more) {
    const auto file = find_playbook("cutover").value();
    auto out = read_playbook(file.text, file.file, cutover_values(more));
    if (!out) {
        FAIL(out.error().text());
    }
    return *std::move(out);
}

bool has_control(const std::vector<SmokeSpec>& smokes) {
    return std::ranges::find(smokes, Surface::control, &SmokeSpec::surface) != smokes.end();
}

} // namespace

TEST_CASE("spike gates: read with their figures, and linked to what the source states") {
    const Playbook got = good(text("cutover", k_gate, k_counts));
    REQUIRE(got.stage.gates.size() == 2);
    const measure::GateSpec& gate = got.stage.gates[1];
    CHECK(gate.id == "sync-token-errors");
    CHECK(gate.metric == measure::Metric::spike);
    CHECK(gate.limit == 1.0);
    CHECK(gate.min_events == 10);
    REQUIRE(gate.reading);
    CHECK(gate.reading->canary == measure::EventCounts{30, 1000});
    CHECK(gate.reading->stable == measure::EventCounts{100, 20000});
    CHECK(gate.reading->source == "asserted: log explorer");
    CHECK(gate.reading->asserted);
    CHECK_FALSE(gate.reading->enough);
    CHECK(measure::evaluate(gate, {}).verdict == Verdict::fail);
    CHECK(to_json(got).dump().contains("log explorer")); // part of the plan's digest
    CHECK(explain(got).contains("sync_token_errors must be at most 100% above stable's rate"));
}

TEST_CASE("spike gates: stated is enough when the playbook says so, and in a rehearsal") {
    const std::string allowed = fmt::format("enough_to_apply: true, {}", k_counts);
    CHECK(good(text("cutover", k_gate, allowed)).stage.gates[1].reading->enough);
    CHECK(good(text("rehearsal", k_gate, k_counts)).stage.gates[1].reading->enough);
}

TEST_CASE("spike gates: a signal that no source has is INCONCLUSIVE") {
    const Playbook got = good(text("cutover", "{ spike: audit_errors, at_most: +100% }", k_counts));
    CHECK_FALSE(got.stage.gates[1].reading);
    CHECK(measure::evaluate(got.stage.gates[1], {}).verdict == Verdict::inconclusive);
}

TEST_CASE("spike gates: mode none leaves a gate out") {
    const std::string none = "{ spike: audit_errors, at_most: +100%, mode: none }";
    CHECK(good(text("cutover", none, "enough_to_apply: false")).stage.gates.size() == 1);
}

TEST_CASE("cutover: by default neither control smoke nor control gates; one variable each") {
    const Playbook plain = cutover({});
    CHECK_FALSE(has_control(plain.preflight));
    CHECK_FALSE(has_control(plain.postflight));
    CHECK(plain.stage.gates.size() == 5);

    const Playbook smoked = cutover({{"control", "api-only"}});
    CHECK(has_control(smoked.preflight));
    CHECK(has_control(smoked.postflight));

    const Playbook watched = cutover(
        {{"control_gates", "decide"},
         {"auth_errors", "canary 3/1200, stable 4/24000"},
         {"reason", "log explorer"}}
    );
    REQUIRE(watched.stage.gates.size() == 8);
    CHECK(watched.stage.gates[5].reading->canary == measure::EventCounts{3, 1200});
    CHECK_FALSE(watched.stage.gates[6].reading);
    CHECK(watched.stage.gates[7].mode == measure::GateMode::decide);
}

TEST_CASE("shipped cutovers: gates on refused users always decide, by whatever source there is") {
    for (const ShippedPlaybook& shipped : shipped_playbooks()) {
        if (!shipped.name.starts_with("cutover")) {
            continue;
        }
        CAPTURE(shipped.name);
        for (const auto& [variable, place, source] :
             std::initializer_list<std::tuple<std::string, std::string, std::string_view>>{
                 {"prometheus", "http://127.0.0.1:9090", "prometheus"},
                 {"access_log", "a.log", "access_log"},
                 {"bake", "1m", "probe"}
             }) {
            const Loaded loaded =
                load_playbook(shipped.text, shipped.name, {{variable, place}}, Unset::keep);
            REQUIRE(loaded.playbook);
            for (const std::string_view id : {"unauthorised", "compat-rejected", "rejected"}) {
                const auto& gates = loaded.playbook->stage.gates;
                const auto gate = std::ranges::find(gates, id, &measure::GateSpec::id);
                REQUIRE(gate != gates.end());
                CHECK(gate->mode == measure::GateMode::decide);
                CHECK(judged_by(*loaded.playbook, *gate).name() == source);
            }
        }
    }
}
