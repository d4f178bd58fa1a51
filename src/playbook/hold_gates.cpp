// What a stage is judged by: its gates and its split.
#include "hold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::playbook {

using measure::GateRecord;
using measure::Look;

namespace {

// A random splitter may be off by chance; outside this interval it is off.
constexpr double k_split_confidence = 0.9999;

bool decides(const GateRecord& record) {
    return record.spec.mode == measure::GateMode::decide;
}

std::string gate_line(const GateRecord& record) {
    return fmt::format(
        "  {:<12} {:<24} {}", to_string(record.verdict), record.spec.id, record.sentence
    );
}

void keep_record(Session& session, const GateRecord& record, const std::string& where) {
    Json line = measure::to_json(record);
    line["stage"] = where;
    session.in.folder->append("measure/gates.ndjson", line);
    session.say(gate_line(record));
    session.add(measure::to_check(record, fmt::format("gate.{}@{}", record.spec.id, where)));
}

} // namespace

bool compares_with_earlier(const Hold& hold) {
    return hold.percent == 100 && hold.index > 0;
}

std::vector<GateRecord> look_at(const Hold& hold, const Look& look) {
    const Session& session = hold.session;
    const bool earlier = compares_with_earlier(hold);
    std::vector<GateRecord> out;
    for (const measure::GateSpec& gate : session.playbook().stage.gates) {
        out.push_back(measure::evaluate(
            gate,
            {
                .canary = hold.row.canary,
                .stable = earlier ? session.stable_all : hold.row.stable,
                .window = fmt::format("stage {}, {:.1f}s", hold.where, hold.held_s()),
                .reference_window = earlier ? "this run's earlier stages" : "",
                .look = look,
                .seed = static_cast<std::uint64_t>(hold.index) + 1,
            }
        ));
    }
    return out;
}

bool any(const std::vector<GateRecord>& records, Verdict verdict) {
    return std::ranges::any_of(records, [&](const GateRecord& record) {
        return decides(record) && record.verdict == verdict;
    });
}

void check_split(Hold& hold) {
    const std::uint64_t canary = hold.met[hold.session.playbook().traffic.canary];
    std::uint64_t n = 0;
    for (const auto& [revision, count] : hold.met) {
        n += count;
    }
    if (n == 0 && hold.unknown == 0) {
        return; // no unpinned probes were asked for
    }
    hold.row.observed = fmt::format("canary {} of {}", canary, n);
    const double want = static_cast<double>(n) * hold.percent / 100;
    const double off = std::abs(static_cast<double>(canary) - want);
    bool good = off <= std::max(1.0, std::ceil(static_cast<double>(n) / 100));
    if (!hold.session.in.driver->splits_exactly()) {
        const auto interval = measure::wilson({canary, n}, k_split_confidence, measure::Side::two);
        const double share = hold.percent / 100.0;
        good = interval && interval->low <= share && share <= interval->high;
    }
    const Verdict verdict = n == 0 ? Verdict::inconclusive : good ? Verdict::pass : Verdict::fail;
    hold.session.add(
        "split@" + hold.where,
        verdict,
        fmt::format(
            "unpinned probes met the canary {} times of {}, {}% are {:.1f}; {} had no answer",
            canary,
            n,
            hold.percent,
            want,
            hold.unknown
        )
    );
    hold.row.verdict = verdict == Verdict::pass ? hold.row.verdict : verdict;
}

void settle_gates(Hold& hold) {
    for (const GateRecord& record : hold.row.gates) {
        keep_record(hold.session, record, hold.where);
    }
    hold.row.verdict = any(hold.row.gates, Verdict::fail)           ? Verdict::fail
                       : any(hold.row.gates, Verdict::inconclusive) ? Verdict::inconclusive
                                                                    : Verdict::pass;
}

Next judge_run(Session& session) {
    bool good = true;
    for (const measure::GateSpec& gate : session.playbook().run_gates) {
        const GateRecord record = measure::evaluate(
            gate,
            {.canary = session.canary_all,
             .stable = session.stable_all,
             .window = "all stages of this run",
             .reference_window = "all stages of this run"}
        );
        keep_record(session, record, "run");
        good = good && (record.verdict == Verdict::pass || !decides(record));
    }
    return good ? Next::go_on : Next::stop;
}

} // namespace oa_stream::playbook
