#include "oa_stream/base/file.hpp"
#include "oa_stream/run/run_facts.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::run;

namespace {

Json json(std::string_view text) {
    return parse_json(text).value();
}

struct Row {
    std::string_view name; ///< of the folder
    std::string_view document;
    RunKind kind;
    bool mutates;
    std::optional<RunEnding> ended;
};

} // namespace

TEST_CASE("facts: the typed members are believed, whatever name and exit code say") {
    const RunFacts facts = facts_of(
        "/runs/20260222T043600Z-cutover-1a2b3c4d",
        json(R"({"kind":"rehearsal","mutates":true,"ended":"completed","exit_code":8})")
    );
    CHECK(facts.kind == RunKind::rehearsal);
    CHECK(facts.mutates);
    CHECK(facts.ended == RunEnding::completed);
}

TEST_CASE("facts: folders of earlier versions are read") {
    const Row row = GENERATE(
        Row{"20260222T043600Z-steady-state-1a2b3c4d", "{}", RunKind::steady_state, false, {}},
        Row{"20260222T043600Z-smoke-stream-1a2b3c4d", "{}", RunKind::smoke_stream, false, {}},
        Row{"20260222T043600Z-smoke-responses-1a2b3c4d", "{}", RunKind::smoke_responses, false, {}},
        Row{"20260222T043600Z-slo-gate-1a2b3c4d", "{}", RunKind::slo_gate, false, {}},
        Row{"20260222T043600Z-route-verify-1a2b3c4d", "{}", RunKind::route_verify, false, {}},
        Row{"20260222T043600Z-route-split-1a2b3c4d", "{}", RunKind::route_split, true, {}},
        Row{"20260222T043600Z-cutover-1a2b3c4d", "{}", RunKind::cutover, true, {}},
        Row{"20260222T043600Z-rollback-drill-1a2b3c4d", "{}", RunKind::rollback_drill, true, {}},
        Row{"moved", "{}", RunKind::other, true, {}},
        Row{"moved",
            R"({"kind":"cutover","exit_code":7})",
            RunKind::cutover,
            true,
            RunEnding::rolled_back},
        Row{"moved",
            R"({"kind":"cutover","exit_code":8,"held":true})",
            RunKind::cutover,
            true,
            RunEnding::held},
        Row{"moved",
            R"({"kind":"cutover","exit_code":8,"rolled_back":{"exit_code":0}})",
            RunKind::cutover,
            true,
            RunEnding::rolled_back},
        Row{"moved",
            R"({"kind":"rollback-drill","exit_code":0,"target":{"driver":"local"}})",
            RunKind::rollback_drill,
            false,
            RunEnding::completed},
        Row{"moved",
            R"({"kind":"rehearsal","target":{"driver":"haproxy","what":"front"}})",
            RunKind::rehearsal,
            true,
            {}},
        Row{"moved", R"({"kind":"load","exit_code":130})", RunKind::load, false, RunEnding::stopped}
    );
    INFO(row.name << " " << row.document);
    const RunFacts facts = facts_of(std::filesystem::path("/runs") / row.name, json(row.document));
    CHECK(facts.kind == row.kind);
    CHECK(facts.mutates == row.mutates);
    CHECK(facts.ended == row.ended);
}

TEST_CASE("facts: the run that a route restore is about is typed, and read of earlier versions") {
    const auto typed = json(R"({"target":{"restores":"x"},"name":"route restore","argv":[]})");
    CHECK(facts_of("/runs/y", typed).restores == "x");
    const auto old = json(
        R"({"name":"route restore","argv":["route","restore","20260222T043600Z-route-split-1a2b3c4d"]})"
    );
    CHECK(facts_of("/runs/y", old).restores == "20260222T043600Z-route-split-1a2b3c4d");
    CHECK(facts_of("/runs/y", json(R"({"name":"route set","argv":["a-route-split-b"]})"))
              .restores.empty());
}

TEST_CASE("facts: that a run died before its rollback is typed, and read of earlier versions") {
    const auto died = [](std::string_view text) { return facts_of("/runs/x", json(text)).died; };
    CHECK(died(R"({"died":true,"headline":"other words"})"));
    CHECK_FALSE(died(R"({"died":false,"headline":"The run died"})"));
    CHECK(died(R"({"headline":"The run died; afterwards: v1 100%, v2 0% serves, verified"})"));
    CHECK_FALSE(died(R"({"headline":"2 stages passed."})"));
}

TEST_CASE("facts: that users missed the baseline is typed, and read of earlier versions") {
    const auto missed = [](std::string_view checks) {
        const Json list = json(checks);
        const bool last = facts_of("/runs/x", {{"checks", list}}).users_missed;
        const Json rolled_back = {{"checks", list}};
        CHECK(facts_of("/runs/x", {{"rolled_back", rolled_back}}).users_missed == last);
        return last;
    };
    CHECK(missed(R"([{"id":"any","verdict":"PASS","data":{"users_missed":true}}])"));
    CHECK_FALSE(missed(
        R"([{"id":"postflight.users","verdict":"FAIL"},{"id":"any","data":{"users_missed":false}}])"
    ));
    CHECK(missed(R"([{"id":"rollback.users","verdict":"FAIL"}])"));
    CHECK_FALSE(missed(R"([{"id":"rollback.users","verdict":"PASS"}])"));
}

TEST_CASE("facts: a next step without oa-stream is typed, and read of earlier versions") {
    const auto manual = [](std::string_view text) {
        return facts_of("/runs/x", json(text)).next_manual;
    };
    CHECK(manual(R"({"next_manual":true,"next":"other words"})"));
    CHECK_FALSE(manual(R"({"next_manual":false,"next":"by hand: curl"})"));
    CHECK(manual(R"({"next":"by hand: curl && oa-stream rollback apply --run R"})"));
    CHECK_FALSE(manual(R"({"next":"oa-stream rollback apply --run R; by hand: curl"})"));
}

TEST_CASE("facts: whether a run has changed things is what it wrote, else what its ending allows") {
    const auto mutated = [](std::string_view text) {
        return facts_of("/runs/x", json(text)).mutated;
    };
    CHECK(mutated(R"({"kind":"cutover","mutated":true,"ended":"completed"})"));
    CHECK_FALSE(mutated(R"({"kind":"cutover","mutated":false,"ended":"completed"})"));
    CHECK_FALSE(mutated(R"({"kind":"smoke-stream","mutated":true,"ended":"completed"})"));
    CHECK(mutated(R"({"kind":"cutover","ended":null})")); // it runs
    CHECK(mutated(R"({"kind":"cutover","exit_code":7})"));
    CHECK_FALSE(mutated(R"({"kind":"cutover","ended":"refused"})"));
    CHECK_FALSE(mutated(R"({"kind":"cutover","exit_code":143})"));
}

TEST_CASE("facts: every kind's word is read back") {
    for (int i = 0; i <= static_cast<int>(RunKind::other); ++i) {
        const auto kind = static_cast<RunKind>(i);
        CHECK(run_kind(to_string(kind)) == kind);
    }
    CHECK(run_kind("of another version") == RunKind::other);
}
