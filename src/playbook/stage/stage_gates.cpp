// Judges a stage: its gates and its split.
#include "oa_stream/measure/gate_reading.hpp"

#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace oa_stream::playbook {

using measure::GateRecord;
using measure::Look;

namespace {

bool decides(const GateRecord& record) {
    return record.spec.mode == measure::GateMode::decide;
}

std::string gate_line(const GateRecord& record) {
    return fmt::format(
        "  {:<12}  {:<24}  {}", to_string(record.verdict), record.spec.id, record.sentence
    );
}

using ReadingPtr = std::shared_ptr<const measure::DatedReading>;

/// Index of the reading's line in measure/readings.ndjson; gates with the same reading share it.
std::size_t keep_reading(RunContext& run, const ReadingPtr& reading) {
    auto& kept = run.kept_readings;
    const auto found = std::ranges::find(kept, reading);
    if (found != kept.end()) {
        return static_cast<std::size_t>(found - kept.begin()) + 1;
    }
    run.session.folder().append("measure/readings.ndjson", measure::to_json(*reading));
    kept.push_back(reading);
    return kept.size();
}

/// Writes a line of measure/gates.ndjson with everything needed to judge the gate again. Readings
/// of interim looks without a result are left out: they decided nothing.
void keep_gate(RunContext& run, const GateRecord& record, const std::string& where) {
    Json line = measure::to_json(record);
    line["stage"] = where;
    if (record.basis) {
        Json basis = measure::to_json(*record.basis);
        const bool kept = !record.look.interim || record.verdict == Verdict::fail;
        if (kept && record.basis->canary && record.basis->stable) {
            basis["readings"] = {
                {"canary", keep_reading(run, record.basis->canary)},
                {"stable", keep_reading(run, record.basis->stable)},
            };
        }
        line["basis"] = std::move(basis);
    }
    run.session.folder().append("measure/gates.ndjson", line);
}

Check keep_record(RunContext& run, const GateRecord& record, const std::string& where) {
    keep_gate(run, record, where);
    run.session.say(gate_line(record));
    return measure::to_check(record, fmt::format("gate.{}@{}", record.spec.id, where));
}

/// The stage is meant to fail here, so its failure does not count against the run.
void excuse(Check& check) {
    if (check.mode == CheckMode::live) {
        check.detail = fmt::format(
            "under the drill's fault, {}: {}", to_string(check.verdict), std::move(check.detail)
        );
        check.leave_out();
    }
}

/// A dry run has a single stage: too few samples for the gates of the whole run.
void leave_out(RunContext& run, const GateRecord& record) {
    run.skip(
        fmt::format("gate.{}@run", record.spec.id),
        false,
        "judged on all stages together, a rehearsal holds one: " + record.sentence
    );
}

} // namespace

bool is_drilled(const StageRun& stage) {
    const auto& drill = stage.run.playbook().drill;
    return drill && drill->fail_at == stage.percent;
}

measure::GateInput input_of(const StageRun& stage, const Look& look) {
    return {
        .canary = stage.canary(),
        .stable = stage.stable(),
        .window = fmt::format("stage {}, {:.1f}s", stage.where, stage.elapsed_s()),
        .look = look,
        .seed = static_cast<std::uint64_t>(stage.index) + 1,
    };
}

measure::GateBasis basis_of(const StageRun& stage) {
    return {.canary_earlier = stage.canary_from, .stable_earlier = stage.stable_from};
}

void keep_look(const StageRun& stage, const GateRecord& record) {
    keep_gate(stage.run, record, stage.where);
}

std::vector<GateRecord> look_at(const StageRun& stage, const Look& look) {
    const Playbook& playbook = stage.run.playbook();
    std::vector<GateRecord> out;
    out.reserve(playbook.stage.gates.size());
    for (const measure::GateSpec& gate : playbook.stage.gates) {
        out.push_back(
            judged_by_users(playbook, gate)
                ? look_at_source(stage, gate, look)
                : measure::evaluate_basis(gate, basis_of(stage), input_of(stage, look))
        );
    }
    return out;
}

bool judged(const StageRun& stage) {
    return std::ranges::any_of(stage.row.gates, decides);
}

bool any(const std::vector<GateRecord>& records, Verdict verdict) {
    return std::ranges::any_of(records, [&](const GateRecord& record) {
        return decides(record) && record.verdict == verdict;
    });
}

void record_gate(
    const StageRun& stage, const GateRecord& record, const std::function<void(Check&)>& change
) {
    Check check = keep_record(stage.run, record, stage.where);
    if (change) {
        change(check);
    }
    stage.run.session.add(std::move(check));
}

void record_gates(StageRun& stage) {
    const bool drilled = is_drilled(stage) && stage.run.fault_s;
    for (const GateRecord& record : stage.row.gates) {
        record_gate(stage, record, drilled ? excuse : nullptr);
    }
    stage.row.verdict = any(stage.row.gates, Verdict::fail)           ? Verdict::fail
                        : any(stage.row.gates, Verdict::error)        ? Verdict::error
                        : any(stage.row.gates, Verdict::inconclusive) ? Verdict::inconclusive
                                                                      : Verdict::pass;
}

namespace {

/// Judges a gate of the whole run on its source's reading or on the run's own samples. `failed`:
/// another gate did, so the traffic does not wait for an answer.
Task<GateRecord> run_record(RunContext* run, measure::GateSpec gate, bool failed) {
    measure::GateInput base{
        .canary = run->canary_all,
        .stable = run->stable_all,
        .window = "all stages of this run",
        .reference_window = "all stages of this run",
    };
    if (!judged_by_users(run->playbook(), gate)) {
        co_return measure::evaluate_basis(gate, {}, base);
    }
    const std::string_view source = judged_by(run->playbook(), gate).name();
    const measure::Span window = since(run->measured_since.value_or(Clock::now()));
    const measure::Span before{window.from_s - window.seconds(), window.from_s};
    const bool needed = gate.mode == measure::GateMode::decide && run->changes_traffic();
    const bool from_before = gate.against == measure::Against::before;
    const Traffic& traffic = run->playbook().traffic;
    measure::GateBasis basis{.asked = std::string(source)};
    for (const auto& [arm, into] :
         {std::pair{&traffic.canary, &basis.canary}, {&traffic.stable, &basis.stable}}) {
        const bool reference = into == &basis.stable;
        const auto question = question_of(gate, *arm, reference && from_before ? before : window);
        // Do not wait again for a source that was waited for in vain.
        const bool patient = needed && !failed && !run->source_failed;
        auto reading = patient ? co_await ask_patiently(run, source, question)
                               : co_await ask_and_keep(run, source, question);
        if (!reading) {
            run->source_failed = run->source_failed || needed;
            basis.silent = reading.error().text();
            break;
        }
        *into = *std::move(reading);
    }
    co_return measure::evaluate_basis(gate, std::move(basis), base);
}

} // namespace

Task<StepEnd> judge_run(RunContext* run) {
    bool good = true;
    bool failed = false;
    const bool rehearsed = !run->changes_traffic();
    // If the run's own probes show a failure, the traffic waits for no source.
    std::vector<measure::GateSpec> gates;
    for (const bool by_source : {false, true}) {
        std::ranges::copy_if(
            run->playbook().run_gates,
            std::back_inserter(gates),
            [&](const auto& gate) { return judged_by_users(run->playbook(), gate) == by_source; }
        );
    }
    for (const measure::GateSpec& gate : gates) {
        const GateRecord record = co_await run_record(run, gate, failed);
        // Its result was not waited for.
        if (record.verdict == Verdict::error && run->stop_requested()) {
            run->add_interrupted("at the gates of the run");
            co_return StepEnd::stop;
        }
        if (rehearsed && record.verdict != Verdict::fail) {
            leave_out(*run, record);
            continue;
        }
        run->session.add(keep_record(*run, record, "run"));
        good = good && (record.verdict == Verdict::pass || !decides(record));
        failed = failed || (record.verdict == Verdict::fail && decides(record));
    }
    co_return good ? StepEnd::go_on : StepEnd::stop;
}

} // namespace oa_stream::playbook
