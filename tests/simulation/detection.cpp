#include "detection.hpp"

#include "oa_stream/measure/gate.hpp"

#include "random.hpp"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace oa_stream::simulation {
namespace {

using measure::GateSpec;
using measure::Sample;

constexpr double k_noise = 0.001; ///< of either arm's answers fail anyway
constexpr double k_false_at_most = 0.01;
constexpr std::string_view k_none = "none";

GateSpec gate_of(const DetectionRow& row) {
    GateSpec out;
    out.id = "gate";
    if (row.gate.starts_with("bad: ")) {
        const std::string_view word = row.gate.substr(5, row.gate.find(',') - 5);
        out.events = word == "any" ? "" : std::string(word);
        out.limit = 0.01;
        return out;
    }
    if (row.gate.starts_with("spike: ")) {
        out.metric = measure::Metric::spike;
        out.against = measure::Against::stable;
        out.signal = row.gate.substr(7, row.gate.find(',') - 7);
        out.limit = 1;
        out.from = out.signal == measure::k_signal_words.front() ? "probe" : "";
        return out;
    }
    out.metric = measure::Metric::quantile;
    out.against = measure::Against::stable;
    out.quantile = {99, 100};
    out.limit = 0.5;
    out.timing = row.gate.contains("chunk_gap") ? measure::Timing::chunk_gap
                                                : measure::Timing::first_content;
    return out;
}

Sample honest(Random& random) {
    Sample out;
    out.outcome = "ok";
    out.first_content_s = 0.4 * std::exp(0.5 * random.normal());
    out.max_gap_s = 0.2 * std::exp(0.5 * random.normal());
    out.end_s = *out.first_content_s + 4;
    if (random.unit() < k_noise) {
        out.bad = true;
        out.outcome = "in_stream_error";
    }
    return out;
}

void spoil(Sample& sample, std::string_view fault) {
    if (fault == "slow first content") {
        *sample.first_content_s += 4;
        return;
    }
    if (fault == "slow tail") {
        *sample.max_gap_s += 4;
        return;
    }
    sample.bad = true;
    sample.cut = fault == "stall";
    sample.outcome = fault == "5xx"             ? "http_status"
                     : fault == "stall"         ? "stalled"
                     : fault == "truncation"    ? "truncated"
                     : fault == "malformed"     ? "malformed_frame"
                     : fault == "auth failures" ? "unauthorised"
                                                : "other";
    if (fault == "5xx" || fault == "auth failures") {
        sample.first_content_s.reset();
    }
}

std::vector<Sample>
draw(const DetectionRow& row, std::uint64_t samples, bool canary, Random& random) {
    std::vector<Sample> out;
    for (std::uint64_t i = 0; i < samples; ++i) {
        Sample sample = honest(random);
        if (canary && row.fault != k_none && random.unit() < row.share) {
            spoil(sample, row.fault);
        }
        sample.at_s = static_cast<double>(i) / 5;
        out.push_back(std::move(sample));
    }
    return out;
}

/// A source counts it, and nobody draws its requests one by one.
bool by_counts(const GateSpec& gate) {
    return gate.metric == measure::Metric::spike && gate.from.empty();
}

/// Of a control service: so many requests an arm, and 1 % of them fail anyway.
Verdict spike(const DetectionRow& row, const GateSpec& gate, Random& random) {
    constexpr double k_usual = 0.01;
    const double more = row.fault == k_none ? 0 : row.share;
    measure::Tally canary;
    measure::Tally stable;
    canary.requests = {random.binomial(row.samples, k_usual + more), row.samples};
    stable.requests = {random.binomial(row.samples * 19, k_usual), row.samples * 19};
    return measure::evaluate(gate, {.canary_tally = &canary, .stable_tally = &stable}).verdict;
}

} // namespace

bool DetectionOutcome::keeps(const DetectionRow& row) const {
    const double share = static_cast<double>(found) / static_cast<double>(runs);
    return row.fault == k_none ? share <= k_false_at_most : share >= row.found_at_least;
}

std::vector<DetectionRow> detection_rows() {
    constexpr std::string_view k_any = "bad: any, at_most: 1%";
    constexpr std::string_view k_first = "p99: first_content, at_most: +50%, versus: stable";
    constexpr std::string_view k_gap = "p99: chunk_gap, at_most: +50%, versus: stable";
    constexpr std::string_view k_auth = "spike: auth_errors, at_most: +100%, source: probe";
    constexpr std::string_view k_sync = "spike: sync_token_errors, at_most: +100%";
    std::vector<DetectionRow> out{
        {"5xx", k_any},
        {"slow first content", k_first},
        {"slow tail", k_gap},
        {"stall", "bad: stalled, at_most: 1%"},
        {"truncation", "bad: truncated, at_most: 1%"},
        {"malformed", "bad: malformed_frame, at_most: 1%"},
        {"auth failures", k_auth},
        {"sync token failures", k_sync},
    };
    for (const std::string_view gate : {k_any, k_first, k_gap, k_auth, k_sync}) {
        out.push_back({k_none, gate});
    }
    return out;
}

DetectionOutcome run(const DetectionRow& row, std::uint64_t runs) {
    const GateSpec gate = gate_of(row);
    DetectionOutcome out{.runs = runs};
    for (std::uint64_t number = 0; number < runs; ++number) {
        Random random(number * 7919 + row.fault.size() * 31 + row.gate.size());
        if (by_counts(gate)) {
            out.found += spike(row, gate, random) == Verdict::fail ? 1 : 0;
            continue;
        }
        const auto canary = draw(row, row.samples, true, random);
        const auto stable = draw(row, row.samples, false, random);
        const std::span<const Sample> all(canary);
        const std::span<const Sample> reference(stable);
        const auto early = measure::evaluate(
            gate,
            {.canary = all.first(all.size() / 10),
             .stable = reference.first(reference.size() / 10),
             .look = {.interim = true}}
        );
        const auto end = measure::evaluate(
            gate, {.canary = all, .stable = reference, .look = {.number = 1, .of = 2}}
        );
        const bool soon = early.verdict == Verdict::fail;
        out.early += soon ? 1 : 0;
        out.found += soon || end.verdict == Verdict::fail ? 1 : 0;
    }
    return out;
}

std::string
document(std::span<const DetectionRow> rows, std::span<const DetectionOutcome> results) {
    std::string out = fmt::format(
        "{} simulated stages a row with 3,000 samples an arm; the fault hits 5 % of the canary's "
        "answers.\n\n"
        "| fault | gate | found | in the first tenth of the bake |\n"
        "| --- | --- | ---: | ---: |\n",
        results.front().runs
    );
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto share = [&](std::uint64_t count) {
            return 100.0 * static_cast<double>(count) / static_cast<double>(results[i].runs);
        };
        out += fmt::format(
            "| {} | `{}` | {:.1f} % | {} |\n",
            rows[i].fault,
            rows[i].gate,
            share(results[i].found),
            by_counts(gate_of(rows[i])) ? "not drawn"
                                        : fmt::format("{:.1f} %", share(results[i].early))
        );
    }
    return out;
}

} // namespace oa_stream::simulation
