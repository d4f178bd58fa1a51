// Judges a gate on everything that a stage or a stored run has.
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include "gate_judge.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::measure {
namespace {

/// Probes cannot measure expressions, and of the spike signals they only see refused credentials.
bool probes_see(const GateSpec& spec) {
    return spec.metric != Metric::expression &&
           (spec.metric != Metric::spike || spec.signal == k_signal_words.front());
}

/// Judges spikes on samples as well; `from` makes evaluate() count them instead of reading stated
/// numbers.
GateRecord on_samples(const GateSpec& spec, const GateInput& input) {
    GateSpec counted = spec;
    counted.from = k_by_probes;
    GateRecord record = evaluate(counted, input);
    record.spec.from = spec.from;
    account_for_starvation(record, input);
    return record;
}

/// The probes judge in place of users' requests, and the record says so.
GateRecord by_samples(const GateSpec& spec, const GateInput& input, const std::string& why) {
    if (!probes_see(spec)) {
        return unjudged(spec, input, Verdict::inconclusive, "they cannot see it, and " + why);
    }
    GateRecord record = on_samples(spec, input);
    record.sentence += "; by the run's own probes: " + why;
    record.notes.push_back("judged on the run's own probes: " + why);
    return record;
}

GateRecord by_source(const GateSpec& spec, const GateBasis& basis, const GateInput& input) {
    GateInput base = input;
    base.source = basis.asked;
    if (!basis.skipped.empty()) {
        GateRecord record = unjudged(spec, base, Verdict::skipped, basis.skipped);
        record.rule = rule::k_no_users_yet;
        return record;
    }
    if (!basis.silent.empty()) {
        return unjudged(spec, base, Verdict::error, basis.silent);
    }
    if (!basis.canary || !basis.stable) {
        return unjudged(spec, base, Verdict::inconclusive, "it was not asked yet");
    }
    GateRecord record = evaluate_readings(spec, basis.canary->reading, basis.stable->reading, base);
    if (record.verdict == Verdict::fail) {
        return record;
    }
    if (!basis.instead.empty()) {
        return by_samples(spec, input, basis.instead);
    }
    if (!basis.open.empty()) {
        base.source = record.source;
        base.query = record.query;
        return unjudged(spec, base, Verdict::inconclusive, basis.open);
    }
    return record;
}

/// Judges the run's own samples in addition to a source's numbers: they may fail the gate, never
/// pass it.
GateRecord and_beside(const GateSpec& spec, GateRecord record, const GateInput& input) {
    GateInput beside = input;
    beside.look.interim = true;
    GateRecord probed = on_samples(spec, beside);
    if (probed.verdict != Verdict::fail) {
        return record;
    }
    probed.sentence += "; by the run's own probes, beside " + record.source;
    probed.notes.push_back("beside: " + record.sentence);
    return probed;
}

} // namespace

GateRecord evaluate_basis(const GateSpec& spec, GateBasis basis, const GateInput& input) {
    GateRecord record = basis.asked.empty() ? evaluate(spec, input) : by_source(spec, basis, input);
    if (basis.asked.empty()) {
        account_for_starvation(record, input);
    }
    if (basis.beside && record.verdict != Verdict::fail && probes_see(spec)) {
        record = and_beside(spec, std::move(record), input);
    }
    basis.canary_samples = input.canary.size();
    basis.stable_samples = input.stable.size();
    basis.seed = input.seed;
    record.basis = std::make_shared<const GateBasis>(std::move(basis));
    return record;
}

Json to_json(const GateBasis& basis) {
    Json out{
        {"seed", basis.seed},
        {"samples", {{"canary", basis.canary_samples}, {"stable", basis.stable_samples}}},
    };
    if (basis.canary_earlier + basis.stable_earlier > 0) {
        out["earlier"] = {{"canary", basis.canary_earlier}, {"stable", basis.stable_earlier}};
    }
    if (!basis.asked.empty()) {
        out["asked"] = basis.asked;
        out["beside"] = basis.beside;
    }
    for (const auto& [key, why] :
         {std::pair{"silent", &basis.silent},
          {"instead", &basis.instead},
          {"open", &basis.open},
          {"skipped", &basis.skipped}}) {
        if (!why->empty()) {
            out[key] = *why;
        }
    }
    return out;
}

GateBasis basis_from_json(const Json& json) {
    GateBasis out;
    out.asked = text_in(json, "asked");
    out.beside = bool_member(json, "beside").value_or(false);
    out.silent = text_in(json, "silent");
    out.instead = text_in(json, "instead");
    out.open = text_in(json, "open");
    out.skipped = text_in(json, "skipped");
    out.seed = count_in(json, "seed").value_or(0);
    const Json& samples = object_in(json, "samples");
    out.canary_samples = count_in(samples, "canary").value_or(0);
    out.stable_samples = count_in(samples, "stable").value_or(0);
    const Json& earlier = object_in(json, "earlier");
    out.canary_earlier = count_in(earlier, "canary").value_or(0);
    out.stable_earlier = count_in(earlier, "stable").value_or(0);
    return out;
}

} // namespace oa_stream::measure
