// How well users are answered, as probes that come as they do were.
#include "oa_stream/measure/gate_reading.hpp"

#include "plan/chance.hpp"
#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {
namespace {

// Less sure than a gate is of a FAIL, and yet more than chance explains: not decided.
constexpr double k_doubt = 0.8;

bool counts_any(const measure::GateSpec& gate) {
    return gate.metric == measure::Metric::bad_rate && gate.mode == measure::GateMode::decide &&
           measure::endings_of(gate.events).value_or(std::vector<std::string_view>{}).empty();
}

/// What the playbook allows of bad answers of any kind: the widest limit of the stage's gates.
measure::GateSpec allowed_of(const Playbook& playbook) {
    const measure::GateSpec* widest = nullptr;
    for (const measure::GateSpec& gate : playbook.stage.gates) {
        if (counts_any(gate) && (widest == nullptr || gate.limit > widest->limit)) {
            widest = &gate;
        }
    }
    measure::GateSpec out = widest == nullptr ? measure::GateSpec{} : *widest;
    out.id = "answers";
    out.events.clear();
    out.from.clear();
    out.min_n = 0;
    return out;
}

struct Answers {
    Verdict verdict = Verdict::skipped;
    measure::Counts canary{};
    measure::GateRecord record{};
};

/// By the stage's own limit. It need not be proved as by a gate, for which there may be too few of
/// them, but nothing may speak against it.
Answers answers_of(const StageRun& stage) {
    Answers out;
    const Playbook& playbook = stage.run.playbook();
    const auto canary = stage.met.find(playbook.traffic.canary);
    const auto stable = stage.met.find(playbook.traffic.stable);
    if (canary != stage.met.end()) {
        out.canary = measure::count_bad(canary->second);
    }
    if (out.canary.total == 0) {
        return out;
    }
    measure::GateSpec spec = allowed_of(playbook);
    measure::GateInput input = input_of(stage, {.number = 1, .of = looks_of(playbook.stage)});
    input.canary = canary->second;
    if (stable != stage.met.end() && measure::count_bad(stable->second).total > 0) {
        input.stable = stable->second; // else its pinned ones, as at 100 %
    }
    out.record = measure::evaluate_basis(spec, {}, input);
    spec.confidence = std::min(k_doubt, spec.confidence);
    input.look = {};
    const bool doubtful = measure::evaluate(spec, input).verdict == Verdict::fail;
    const bool no_measure = spec.against != measure::Against::limit &&
                            out.record.reference_n == 0 && out.canary.bad > 0;
    out.verdict = out.record.verdict == Verdict::fail ? Verdict::fail
                  : doubtful || no_measure            ? Verdict::inconclusive
                                                      : Verdict::pass;
    return out;
}

std::string answers_text(const StageRun& stage, const Answers& answers) {
    const std::string& who = stage.run.playbook().traffic.canary;
    const auto [bad, n] = answers.canary;
    const measure::GateRecord& record = answers.record;
    if (answers.verdict == Verdict::pass && bad == 0) {
        return fmt::format("none of {} answers of {} to unpinned probes was bad", n, who);
    }
    if (answers.verdict == Verdict::pass) {
        return fmt::format(
            "{} of {} answers of {} to unpinned probes were bad, no more than chance gives at {}",
            bad,
            n,
            who,
            record.spec.against == measure::Against::limit
                ? fmt::format("a limit of {:g}%", record.spec.limit * 100)
                : fmt::format(
                      "a limit of {:+g} points versus stable, {} of {}",
                      record.spec.limit * 100,
                      record.reference_bad,
                      record.reference_n
                  )
        );
    }
    const auto& all = stage.met.at(who);
    return fmt::format(
        "at the users' address, by unpinned probes: {}; the first bad one: {}",
        record.sentence,
        std::ranges::find(all, true, &measure::Sample::bad)->outcome
    );
}

/// The numbers; what a gate would have said of them is not what is said here.
Json numbers_of(const measure::GateRecord& record) {
    Json out = measure::to_json(record);
    for (const auto* key : {"id", "mode", "verdict", "rule", "needs_n", "sentence"}) {
        out.erase(key);
    }
    return out;
}

} // namespace

Verdict answers_verdict(const StageRun& stage) {
    const bool planned = is_drilled(stage) && stage.run.fault_s;
    return planned || no_gate_decides(stage.run.playbook()) ? Verdict::skipped
                                                            : answers_of(stage).verdict;
}

void check_answers(StageRun& stage) {
    const Answers answers = answers_of(stage);
    if (answers.verdict == Verdict::skipped) {
        return;
    }
    const std::string id = "answers@" + stage.where;
    const std::string text = answers_text(stage, answers);
    const Verdict verdict = answers_verdict(stage);
    const bool promoted = verdict == Verdict::inconclusive && stage.promotion;
    if (verdict == Verdict::skipped || promoted) {
        const std::string why = promoted            ? stage.promotion->text()
                                : is_drilled(stage) ? "under the drill's fault"
                                                    : "no gate decides";
        return stage.run.skip(
            id, false, fmt::format("{}; was {}: {}", why, to_string(answers.verdict), text)
        );
    }
    if (verdict != Verdict::pass) {
        stage.run.session.say(
            fmt::format("  {:<12}  {:<24}  {}", to_string(verdict), "answers", text)
        );
    }
    stage.run.session.add(id, verdict, text, numbers_of(answers.record));
    stage.worsen(verdict);
}

} // namespace oa_stream::playbook
