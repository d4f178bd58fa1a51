// What a stage is judged by: its gates and its split.
#include "oa_stream/measure/gate_reading.hpp"

#include "stage.hpp"

#include <fmt/format.h>

#include <algorithm>

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

/// `drilled`: it is to fail here, so its failure is none of the run's.
void keep_record(
    Session& session, const GateRecord& record, const std::string& where, bool drilled = false
) {
    Json line = measure::to_json(record);
    line["stage"] = where;
    session.in.folder->append("measure/gates.ndjson", line);
    session.say(gate_line(record));
    Check check = measure::to_check(record, fmt::format("gate.{}@{}", record.spec.id, where));
    if (drilled && check.mode == CheckMode::live) {
        check.detail = fmt::format(
            "under the drill's fault, {}: {}", to_string(check.verdict), std::move(check.detail)
        );
        check.verdict = Verdict::skipped;
        check.mode = CheckMode::skipped;
        check.required = false;
    }
    session.add(std::move(check));
}

/// A dry run has one stage: too few samples for what all of them are to decide.
void leave_out(Session& session, const GateRecord& record) {
    Check check;
    check.id = fmt::format("gate.{}@run", record.spec.id);
    check.verdict = Verdict::skipped;
    check.mode = CheckMode::skipped;
    check.required = false;
    check.detail = "judged on all stages together, a rehearsal holds one: " + record.sentence;
    session.add(std::move(check));
}

} // namespace

bool compares_with_earlier(const Hold& hold) {
    return hold.percent == 100 && hold.index > 0;
}

bool is_drilled(const Hold& hold) {
    const auto& drill = hold.session.playbook().drill;
    return drill && drill->fail_at == hold.percent;
}

measure::GateInput input_of(const Hold& hold, const Look& look) {
    const bool earlier = compares_with_earlier(hold);
    return {
        .canary = hold.row.canary,
        .stable = earlier ? hold.session.stable_all : hold.row.stable,
        .window = fmt::format("stage {}, {:.1f}s", hold.where, hold.held_s()),
        .reference_window = earlier ? "this run's earlier stages" : "",
        .look = look,
        .seed = static_cast<std::uint64_t>(hold.index) + 1,
    };
}

void keep_look(const Hold& hold, const GateRecord& record) {
    Json line = measure::to_json(record);
    line["stage"] = hold.where;
    hold.session.in.folder->append("measure/gates.ndjson", line);
}

std::vector<GateRecord> look_at(const Hold& hold, const Look& look) {
    const Playbook& playbook = hold.session.playbook();
    std::vector<GateRecord> out;
    out.reserve(playbook.stage.gates.size());
    for (const measure::GateSpec& gate : playbook.stage.gates) {
        out.push_back(
            is_outside_source(judged_by(playbook, gate))
                ? look_at_source(hold, gate, look)
                : measure::evaluate(gate, input_of(hold, look))
        );
    }
    return out;
}

bool judged(const Hold& hold) {
    return std::ranges::any_of(hold.row.gates, decides);
}

bool any(const std::vector<GateRecord>& records, Verdict verdict) {
    return std::ranges::any_of(records, [&](const GateRecord& record) {
        return decides(record) && record.verdict == verdict;
    });
}

void settle_gates(Hold& hold) {
    const bool drilled = is_drilled(hold) && hold.session.fault_s;
    for (const GateRecord& record : hold.row.gates) {
        keep_record(hold.session, record, hold.where, drilled);
    }
    hold.row.verdict = any(hold.row.gates, Verdict::fail)           ? Verdict::fail
                       : any(hold.row.gates, Verdict::error)        ? Verdict::error
                       : any(hold.row.gates, Verdict::inconclusive) ? Verdict::inconclusive
                                                                    : Verdict::pass;
}

namespace {

/// Of all stages together, as its source tells or by the run's own samples.
Task<GateRecord> run_record(Session* session, measure::GateSpec gate) {
    measure::GateInput base{
        .canary = session->canary_all,
        .stable = session->stable_all,
        .window = "all stages of this run",
        .reference_window = "all stages of this run",
    };
    const SourceKind kind = judged_by(session->playbook(), gate);
    if (!is_outside_source(kind)) {
        co_return measure::evaluate(gate, base);
    }
    const double now_s = wall_seconds();
    const measure::Span window{session->measured_since_s.value_or(now_s), now_s};
    const Traffic& traffic = session->playbook().traffic;
    base.source = to_string(kind);
    const auto canary =
        co_await ask_source(session, kind, question_of(gate.events, traffic.canary, window));
    if (!canary) {
        session->source_failed = true;
        co_return measure::unjudged(gate, base, Verdict::error, canary.error().text());
    }
    const auto stable =
        co_await ask_source(session, kind, question_of(gate.events, traffic.stable, window));
    if (!stable) {
        session->source_failed = true;
        co_return measure::unjudged(gate, base, Verdict::error, stable.error().text());
    }
    co_return measure::evaluate_readings(gate, *canary, *stable, base);
}

} // namespace

Task<Next> judge_run(Session* session) {
    bool good = true;
    const bool rehearsed = !session->changes_traffic();
    for (const measure::GateSpec& gate : session->playbook().run_gates) {
        const GateRecord record = co_await run_record(session, gate);
        if (rehearsed && record.verdict != Verdict::fail) {
            leave_out(*session, record);
            continue;
        }
        keep_record(*session, record, "run");
        good = good && (record.verdict == Verdict::pass || !decides(record));
    }
    co_return good ? Next::go_on : Next::stop;
}

} // namespace oa_stream::playbook
