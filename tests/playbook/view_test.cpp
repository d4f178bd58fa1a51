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
        view.held_s = 1.6;
        view.hold_s = 4;
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
        stage_line(scene.view, {.width = 120}) == "stage 3/5 canary  25% ████░░░░░░ 2.4s, 10s in "
                                                  "all | n 40+41 bad 7.5%≤5% p95 143ms +10%≤+50%"
    );
}

TEST_CASE("stage line: never wider than the terminal, colour only when asked for") {
    Scene scene;
    for (const int width : {40, 60, 80, 120}) {
        CHECK(columns(stage_line(scene.view, {.width = width})) < static_cast<std::size_t>(width));
    }
    CHECK(stage_line(scene.view, {.width = 80}).find('\x1b') == std::string::npos);
    CHECK(stage_line(scene.view, {.width = 80, .colour = true}).starts_with("\x1b[31m"));
    scene.view.canary.bad = 0;
    CHECK(stage_line(scene.view, {.width = 80, .colour = true}).find('\x1b') == std::string::npos);
}

TEST_CASE("stage line: nothing measured yet is no number") {
    Scene scene;
    scene.view.canary = {};
    scene.view.canary_p95_s.reset();
    const std::string line = stage_line(scene.view, {.width = 120});
    CHECK(line.find("n 0+41") != std::string::npos);
    CHECK(line.find("p95") == std::string::npos);
    CHECK(line.find("nan") == std::string::npos);
}

TEST_CASE("summary: verdict first, then a row a stage, then the recovery") {
    RunOutcome outcome;
    outcome.verdict = Verdict::fail;
    outcome.headline = "gate.error-rate@5%: beyond; rolled back and verified.";
    evidence::StageRow row;
    row.name = "5%";
    row.verdict = Verdict::fail;
    outcome.stages.push_back(row);
    outcome.rollback = evidence::RollbackFacts{
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
    const std::string text = summary(outcome, {});
    CHECK(text.starts_with("FAIL  gate.error-rate@5%"));
    CHECK(
        text.find("rollback verified: 10 in a row of 10 fresh connections on the baseline, "
                  "recovery\n  0.100s, detection 0.250s, decision 1.250s\n") != std::string::npos
    );
}

TEST_CASE("summary: nothing is wider than the terminal, whatever a check has to say") {
    RunOutcome outcome;
    outcome.verdict = Verdict::fail;
    outcome.headline = "gate.error-rate@5%: " + std::string(60, 'x') + " and more words behind it.";
    for (const Verdict verdict : {Verdict::fail, Verdict::error, Verdict::pass}) {
        Check check;
        check.id = "smoke.one";
        check.verdict = verdict;
        check.mode = verdict == Verdict::pass ? CheckMode::rehearsed : CheckMode::live;
        check.detail = "seen " + std::string(200, 'y');
        outcome.checks.push_back(check);
    }
    outcome.drill =
        evidence::DrillFacts{.stage = "25%", .users = 100, .decided_s = 1, .well_s = 1.5};
    const std::string text = summary(outcome, {.width = 80});
    std::size_t from = 0;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n', from)) {
        CHECK(end - from <= 80);
        from = end + 1;
    }
    CHECK(text.starts_with("FAIL  gate.error-rate@5%"));
    CHECK(text.find("rehearsed    smoke.one") != std::string::npos);
    CHECK(text.find("recovery as users saw it 0.500s") != std::string::npos);
}
