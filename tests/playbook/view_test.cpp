#include "oa_stream/playbook/local_rehearsal.hpp"
#include "oa_stream/playbook/view.hpp"

#include <catch2/catch.hpp>

using namespace oa_stream;
using namespace oa_stream::playbook;

namespace {

struct Scene {
    Playbook playbook = local_rehearsal({});
    StageView view;
    Scene() {
        view.percent = 25;
        view.index = 2;
        view.stages = playbook.stages;
        view.later = 2;
        view.elapsed_s = 1.6;
        view.left_s = 2.4;
        view.bake_s = 4;
        view.extend_s = 4;
        view.canary = {3, 40};
        view.stable = {0, 41};
        view.canary_p95_s = 0.143;
        view.stable_p95_s = 0.130;
        view.gates = &playbook.stage.gates;
    }
};

std::size_t columns(const std::string& text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

} // namespace

TEST_CASE("stage line: percent shifted, time left, samples, rates against limits") {
    const Scene scene;
    CHECK(
        stage_line(scene.view, {.width = 120}) == "stage 3/5 canary  25% ████░░░░░░ 2.4s left, "
                                                  "10s–22s in all | n 40+41 bad 7.5%>5% p95 143ms "
                                                  "+10%≤+50%"
    );
}

TEST_CASE("stage line: p95 is compared as the gate compares it") {
    Scene scene;
    const auto p95 = [&](double canary_s, double stable_s) {
        scene.view.canary_p95_s = canary_s;
        scene.view.stable_p95_s = stable_s;
        const std::string line = stage_line(scene.view, {.width = 200});
        return line.substr(line.find("p95"));
    };
    CHECK(p95(0.008, 0.004) == "p95 8ms -14.3%≤+50%"); // 10 ms more go unnoticed
    CHECK(p95(0.1298, 0.13) == "p95 130ms -0.2%≤+50%");
    CHECK(p95(0.1951, 0.13) == "p95 195ms +50.1%>+50%");

    const auto of_each_quantile = [&](auto change) {
        for (measure::GateSpec& gate : scene.playbook.stage.gates) {
            if (gate.metric == measure::Metric::quantile) {
                change(gate);
            }
        }
    };
    of_each_quantile([](measure::GateSpec& gate) { gate.quantile = {19, 20}; });
    CHECK(p95(0.195, 0.1) == "p95 195ms +95%>+50%");
    of_each_quantile([](measure::GateSpec& gate) { gate.quantile = measure::k_p99; });
    CHECK(p95(0.195, 0.1) == "p95 195ms");
    of_each_quantile([](measure::GateSpec& gate) {
        gate.quantile = measure::k_p95;
        gate.timing = measure::Timing::duration;
    });
    CHECK(p95(0.195, 0.1) == "p95 195ms");
}

TEST_CASE("stage line: 80 columns hold every number of a long stage; the bar goes first") {
    Scene scene;
    scene.view.elapsed_s = 20;
    scene.view.left_s = 580;
    scene.view.bake_s = 600;
    scene.view.extend_s = 600;
    scene.view.canary = {3, 1210};
    scene.view.stable = {0, 1210};
    CHECK(
        stage_line(scene.view, {.width = 80}) ==
        "3/5 at 25% 9m40s left, 30m–1h | n 1210+1210 bad 0.2%≤5% p95 143ms +10%≤+50%"
    );
    scene.view.canary_p95_s = 1.43;
    scene.view.stable_p95_s = 1.30;
    CHECK(
        stage_line(scene.view, {.width = 75}) ==
        "3/5 at 25% 9m40s left | n 1210+1210 bad 0.2%≤5% p95 1.43s +10%≤+50%"
    );
    CHECK(
        stage_line(scene.view, {.width = 100}) ==
        "stage 3/5 canary  25% 9m40s left, 30m–1h in all | n 1210+1210 bad 0.2%≤5% p95 1.43s "
        "+10%≤+50%"
    );
}

TEST_CASE("stage line: what may come is what the playbook allows; of a pause only its rest") {
    Scene scene;
    const auto times = [&] {
        const std::string line = stage_line(scene.view, {.width = 200});
        const std::size_t from = line.find("░ ") + std::string_view("░ ").size();
        return line.substr(from, line.find(" |") - from);
    };
    scene.view.extend_s = 0;
    CHECK(times() == "2.4s left, 10s in all");
    scene.view.extend_s = 20; // unlike the bake
    CHECK(times() == "2.4s left, 10s–1m10s in all");
    scene.view.extended = true;
    CHECK(times() == "2.4s left, 10s–50s in all");
    scene.view.later = 0;
    CHECK(times() == "2.4s left, 2.4s in all");
    scene.view.paused = true;
    scene.view.left_s = 3600;
    scene.view.later = 2;
    CHECK(times() == "1h left");
    CHECK(
        stage_line(scene.view, {.width = 70}) ==
        "3/5 at 25% 1h left | n 40+41 bad 7.5%>5% p95 143ms +10%≤+50%"
    );
}

TEST_CASE("stage line: never wider than the terminal, colour only when asked for") {
    Scene scene;
    for (const int width : {40, 60, 80, 120}) {
        CHECK(columns(stage_line(scene.view, {.width = width})) < static_cast<std::size_t>(width));
    }
    CHECK(stage_line(scene.view, {.width = 80}).find('\x1b') == std::string::npos);
    CHECK(stage_line(scene.view, {.width = 80, .colour = true}).starts_with("\x1b[1;31m"));
    scene.view.canary.bad = 0;
    CHECK(stage_line(scene.view, {.width = 80, .colour = true}).find('\x1b') == std::string::npos);
}

TEST_CASE("stage line: a form is taken as soon as it leaves the last column free") {
    const Scene scene;
    const auto whole = stage_line(scene.view, {.width = 200});
    const auto size = static_cast<int>(columns(whole));
    CHECK(stage_line(scene.view, {.width = size + 1}) == whole);
    CHECK(columns(stage_line(scene.view, {.width = size})) < columns(whole));
}

TEST_CASE("stage line: nothing measured yet is not a number") {
    Scene scene;
    scene.view.canary = {};
    scene.view.canary_p95_s.reset();
    CHECK(stage_line(scene.view, {.width = 120}).find("bad –≤5%") != std::string::npos);
    const std::string line = stage_line(scene.view, {.width = 120});
    CHECK(line.find("n 0+41") != std::string::npos);
    CHECK(line.find("p95") == std::string::npos);
    CHECK(line.find("nan") == std::string::npos);
}

TEST_CASE("summary: verdict first, then a row a stage, then the recovery") {
    RunOutcome outcome;
    outcome.verdict = Verdict::fail;
    outcome.headline = "gate.error-rate@5%: beyond; rolled back and verified.";
    report::StageRow row;
    row.name = "5%";
    row.verdict = Verdict::fail;
    outcome.stages.push_back(row);
    outcome.rollback = report::RollbackFacts{
        .reason = "x",
        .from = "a",
        .to = "b",
        .fault_s = 1.0,
        .seen_s = 1.25,
        .decided_s = 2.5,
        .user_visible_s = 2.6,
        .probes = 10,
        .row = 10,
        .verified = true
    };
    const std::string text = summary(outcome);
    CHECK(text.starts_with("FAIL  gate.error-rate@5%"));
    CHECK(
        text.find("rollback verified: 10 in a row of 10 fresh connections on the baseline, "
                  "recovery 0.100s, detection 0.250s, decision 1.250s\n") != std::string::npos
    );
}

TEST_CASE("summary: whatever a check has to say is told whole, and once") {
    RunOutcome outcome;
    outcome.verdict = Verdict::fail;
    Check check;
    check.id = "smoke.one";
    check.verdict = Verdict::fail;
    check.detail = "seen " + std::string(200, 'y');
    outcome.checks.push_back(check);
    outcome.headline = "It FAILED, rolled back and verified."; // in words of its own
    outcome.headline_check = "smoke.one";
    outcome.target_keeps = "The target keeps one conversation.";
    outcome.notes = {"A note for the report.", outcome.target_keeps};
    CHECK(summary(outcome) == "FAIL  " + outcome.headline + "\n" + outcome.target_keeps + "\n");
    check.id = "smoke.two";
    check.verdict = Verdict::error;
    outcome.checks.push_back(check);
    check.mode = CheckMode::rehearsed;
    check.verdict = Verdict::pass;
    outcome.checks.push_back(check);
    Check again; // of the same id, as after a pause
    again.id = "smoke.one";
    again.verdict = Verdict::inconclusive;
    again.detail = "seen too little";
    outcome.checks.push_back(again);
    outcome.drill = report::DrillFacts{.stage = "25%", .users = 100, .decided_s = 1, .well_s = 1.5};
    const std::string text = summary(outcome);
    CHECK(text.find("  FAIL ") == std::string::npos); // its headline tells it
    CHECK(text.find("  ERROR         smoke.two: " + check.detail + "\n") != std::string::npos);
    CHECK(text.find("  INCONCLUSIVE  smoke.one: seen too little\n") != std::string::npos);
    CHECK(text.find("  rehearsed     smoke.two: ") != std::string::npos);
    CHECK(text.find("recovery as unpinned probes saw it 0.500s") != std::string::npos);
}
