// How well users are answered, judged by unpinned probes.
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/measure/cancelled.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include "plan/chance.hpp"
#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {
namespace {

// Not as certain as a gate's FAIL, but more than chance explains: undecided.
constexpr double k_doubt = 0.8;

/// With fewer answers of stable there is no comparison for the canary's.
constexpr std::uint64_t k_few = 10;

/// Words of gates on errors of any kind. Other words each cover one kind of error only, and a
/// refused handshake or request is the client's fault.
bool is_error_word(std::string_view word) {
    using telemetry::BadEvent;
    return word != to_string(BadEvent::compat_rejected) && word != to_string(BadEvent::rejected) &&
           contains(telemetry::k_bad_words, word);
}

bool counts_errors(const measure::GateSpec& gate) {
    const auto words = measure::event_words(gate.events);
    return gate.metric == measure::Metric::bad_rate && gate.mode == measure::GateMode::decide &&
           (words.empty() || std::ranges::any_of(words, is_error_word));
}

/// The error gate with the widest limit.
const measure::GateSpec* widest_of(const std::vector<measure::GateSpec>& gates) {
    const measure::GateSpec* out = nullptr;
    for (const measure::GateSpec& gate : gates) {
        if (counts_errors(gate) && (out == nullptr || gate.limit > out->limit)) {
            out = &gate;
        }
    }
    return out;
}

/// The bad answers that the playbook allows, by the stage's gates or else by those of the whole
/// run. Without such a gate, what is bad on the users' path is not attributed to the canary.
measure::GateSpec allowed_of(const Playbook& playbook) {
    const measure::GateSpec* const of_stage = widest_of(playbook.stage.gates);
    const measure::GateSpec* const widest =
        of_stage != nullptr ? of_stage : widest_of(playbook.run_gates);
    measure::GateSpec out;
    if (widest != nullptr) {
        out = *widest;
    } else {
        out.against = measure::Against::stable;
    }
    out.id = "answers";
    out.events.clear();
    out.from.clear();
    out.min_n = 0;
    return out;
}

/// Stable's answers to compare with: those to unpinned probes of this stage. If they are few, a
/// comparison uses the whole run's, and pinned ones, which bypass the users' edge, only if there
/// are none.
std::span<const measure::Sample> stable_of(const StageRun& stage, bool compared) {
    const auto met = stage.met.find(stage.run.playbook().traffic.stable);
    if (met != stage.met.end() && measure::count_bad(met->second).total >= k_few) {
        return met->second;
    }
    if (compared && measure::count_bad(stage.run.stable_users).total > 0) {
        return stage.run.stable_users;
    }
    return stage.stable();
}

/// Chance hardly explains this many bad ones.
bool is_doubtful(
    measure::GateSpec spec, const measure::GateRecord& record, measure::GateInput input
) {
    spec.confidence = std::min(k_doubt, spec.confidence);
    input.look = {};
    const bool doubtful = measure::evaluate(spec, input).verdict == Verdict::fail;
    if (doubtful || spec.against == measure::Against::limit || record.reference_n >= k_few ||
        record.verdict != Verdict::inconclusive) {
        return doubtful;
    }
    spec.against = measure::Against::limit; // the comparison says nothing
    return measure::evaluate(spec, input).verdict == Verdict::fail;
}

struct Answers {
    Verdict verdict = Verdict::skipped;
    measure::Counts canary{};
    measure::GateRecord record{};
    std::string hidden{}; ///< the only reason for being undecided
};

/// Judged by the stage's own limit. Unlike for a gate no proof is required, because there may be
/// too few answers, but nothing may contradict it.
Answers answers_of(const StageRun& stage) {
    Answers out;
    const Playbook& playbook = stage.run.playbook();
    const auto canary = stage.met.find(playbook.traffic.canary);
    if (canary != stage.met.end()) {
        out.canary = measure::count_bad(canary->second);
    }
    if (out.canary.total == 0) {
        return out;
    }
    const measure::GateSpec spec = allowed_of(playbook);
    measure::GateInput input = input_of(stage, {.number = 1, .of = looks_of(playbook.stage)});
    input.canary = canary->second;
    input.stable = stable_of(stage, spec.against != measure::Against::limit);
    out.record = measure::evaluate_basis(spec, {}, input);
    if (out.record.verdict == Verdict::fail) {
        out.verdict = Verdict::fail;
    } else if (is_doubtful(spec, out.record, input)) {
        out.verdict = Verdict::inconclusive;
    } else {
        // Stable's pinned probes are of the same time.
        out.hidden = measure::hidden_by_starvation(canary->second, stage.stable());
        out.verdict = out.hidden.empty() ? Verdict::pass : Verdict::inconclusive;
    }
    return out;
}

std::string answers_text(const StageRun& stage, const Answers& answers) {
    const std::string& who = stage.run.playbook().traffic.canary;
    const auto [bad, n] = answers.canary;
    const measure::GateRecord& record = answers.record;
    if (answers.verdict == Verdict::skipped) {
        return {};
    }
    if (!answers.hidden.empty()) {
        return fmt::format(
            "{} of {} answers of {} to unpinned probes were bad; {}", bad, n, who, answers.hidden
        );
    }
    if (answers.verdict == Verdict::pass && bad == 0) {
        return fmt::format(
            "none of {} of {} to unpinned probes was bad", counted(n, "answer"), who
        );
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

/// Only the numbers, without a gate's verdict and sentence.
Json numbers_of(const measure::GateRecord& record) {
    Json out = measure::to_json(record);
    for (const auto* key : {"id", "mode", "verdict", "rule", "needs_n", "sentence"}) {
        out.erase(key);
    }
    return out;
}

} // namespace

AnswersLook look_at_answers(const StageRun& stage) {
    const bool planned = is_drilled(stage) && stage.run.fault_s;
    const bool decides = !planned && !no_gate_decides(stage.run.playbook());
    const Answers answers = answers_of(stage);
    return {
        .verdict = decides ? answers.verdict : Verdict::skipped,
        .seen = answers.verdict,
        .text = answers_text(stage, answers),
        .numbers = numbers_of(answers.record),
    };
}

bool came_out(const StageRun& stage, Verdict verdict) {
    return any(stage.row.gates, verdict) || stage.answers.verdict == verdict;
}

void check_answers(StageRun& stage) {
    stage.answers = look_at_answers(stage); // measuring continues during a pause
    const auto& [verdict, seen, text, numbers] = stage.answers;
    if (seen == Verdict::skipped) {
        return;
    }
    RunContext& run = stage.run;
    if (verdict == Verdict::skipped) {
        const std::string_view why =
            is_drilled(stage) ? "under the drill's fault" : "no gate decides";
        return run.skip(
            "answers@" + stage.where,
            false,
            fmt::format("{}; was {}: {}", why, to_string(seen), text)
        );
    }
    if (verdict != Verdict::pass) {
        run.session.say(fmt::format("  {:<12}  {:<24}  {}", to_string(verdict), "answers", text));
    }
    stage.add_check("answers", verdict, text, numbers);
}

} // namespace oa_stream::playbook
