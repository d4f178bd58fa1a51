#include "drift.hpp"

#include "oa_stream/measure/gate.hpp"

#include "clumps.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <numbers>

namespace oa_stream::simulation {
namespace {

constexpr double k_limit = 0.2;
constexpr double k_demanded = 0.05;
constexpr double k_sigma = 0.5;
constexpr std::uint64_t k_requests = 1400; // an arm

std::vector<measure::Sample> draw(const DriftRow& row, double level, double phase, Random& random) {
    std::vector<measure::Sample> out(k_requests);
    for (std::uint64_t i = 0; i < k_requests; ++i) {
        const double at = static_cast<double>(i) / static_cast<double>(k_requests);
        const double turn = 2 * std::numbers::pi * (row.cycles * at + phase);
        const double log_time = row.swing * std::sin(turn) + k_sigma * random.normal();
        out[i].at_s = 600 * at;
        out[i].first_content_s = level * std::exp(log_time);
    }
    return out;
}

} // namespace

bool DriftOutcome::keeps(const DriftRow& row, double slack) const {
    return ClumpOutcome{runs, pass, fail}.keeps(
        {.pass_at_most = row.pass_at_most, .fail_at_most = row.fail_at_most}, slack
    );
}

std::vector<DriftRow> drift_rows() {
    std::vector<DriftRow> out;
    const auto add = [&](double swing, double cycles, bool shared) {
        out.push_back({swing, cycles, shared, 1, 1, k_demanded});
        // What swings more slowly than the window lasts is a difference while it lasts.
        const double at_limit = cycles < 1 ? 1 : k_demanded;
        out.push_back({swing, cycles, shared, 1 + k_limit, at_limit, at_limit});
        out.push_back({swing, cycles, shared, 1.5, k_demanded, 1});
    };
    add(0, 1, false);
    add(0.2, 1, true);
    for (const double cycles : std::array{0.5, 1.0, 2.0, 5.0}) {
        add(0.2, cycles, false);
    }
    return out;
}

DriftOutcome run(const DriftRow& row, std::uint64_t runs) {
    measure::GateSpec gate;
    gate.id = "first-content";
    gate.metric = measure::Metric::quantile;
    gate.against = measure::Against::stable;
    gate.limit = k_limit;
    DriftOutcome out{.runs = runs};
    for (std::uint64_t number = 0; number < runs; ++number) {
        Random random(number * 1000 + static_cast<std::uint64_t>(row.cycles * 20 + row.ratio * 4));
        const double phase = random.unit();
        const auto canary = draw(row, row.ratio, phase, random);
        const auto stable = draw(row, 1, row.shared ? phase : random.unit(), random);
        const auto record =
            measure::evaluate(gate, {.canary = canary, .stable = stable, .seed = number + 1});
        out.pass += record.verdict == Verdict::pass ? 1 : 0;
        out.fail += record.verdict == Verdict::fail ? 1 : 0;
    }
    return out;
}

std::string heading(const DriftRow& row) {
    const std::string drift = row.swing == 0 ? "none"
                                             : fmt::format(
                                                   "±{:g} %, {:g} cycles a window, {}",
                                                   100 * row.swing,
                                                   row.cycles,
                                                   row.shared ? "both alike" : "each its own"
                                               );
    return fmt::format("| {} | {:+g} % | {:+g} % |", drift, 100 * (row.ratio - 1), 100 * k_limit);
}

std::string document(std::span<const DriftRow> rows, std::span<const DriftOutcome> results) {
    std::string out = fmt::format(
        "{} simulated decisions a row, {} timed requests an arm, σ {}, 95 % confidence, one "
        "look.\n\n"
        "| drift | true rise of the p95 | limit | PASS | FAIL | INCONCLUSIVE |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |\n",
        results.front().runs,
        k_requests,
        k_sigma
    );
    for (std::size_t i = 0; i < rows.size(); ++i) {
        out += heading(rows[i]) +
               ClumpOutcome{results[i].runs, results[i].pass, results[i].fail}.shares();
    }
    return out;
}

} // namespace oa_stream::simulation
