#include "rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace oa_stream::simulation {
namespace {

struct Rate {
    double base;
    std::uint64_t requests;
};
// 90 bad ones of stable a window: both a PASS and a FAIL at half the distance need so many.
constexpr std::array k_rates{Rate{0.001, 90'000}, Rate{0.005, 18'000}, Rate{0.02, 4'500}};

struct Spread {
    double sigma;
    std::uint64_t timed;
};
// The p95's error grows with sigma, the number of samples with its square.
constexpr std::array k_spreads{Spread{0.5, 700}, Spread{1.0, 2'800}};

constexpr std::array k_one_stage{5};
constexpr int k_many_looks = 40; // what looking often costs is seen at the limit alone

Setup setup_of(const Rate& rate, const Spread& spread) {
    return {
        .base_rate = rate.base,
        .sigma = spread.sigma,
        .requests = rate.requests,
        .timed = spread.timed,
        .rate_limit = rate.base / 2,
    };
}

/// Its own stream of chance for every run of every row.
std::uint64_t seed_of(const Row& row, std::uint64_t number) {
    std::uint64_t seed = 0x6f612d73747265ULL;
    for (const double part :
         {row.setup.base_rate,
          row.setup.sigma,
          row.truth.errors,
          row.truth.slowness,
          static_cast<double>(row.stages.size())}) {
        seed = Random(seed ^ std::bit_cast<std::uint64_t>(part)).next();
    }
    return Random(seed + number).next();
}

std::uint64_t median(std::vector<std::uint64_t>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

bool within(std::uint64_t count, std::uint64_t runs, double low, double high, double slack) {
    const auto n = static_cast<double>(runs);
    const double share = static_cast<double>(count) / n;
    const auto allowed = [&](double limit) { return slack * std::sqrt(limit * (1 - limit) / n); };
    return share >= low - allowed(low) && share <= high + allowed(high);
}

std::string share_text(std::uint64_t count, std::uint64_t runs) {
    return fmt::format("{:.2f} %", 100.0 * static_cast<double>(count) / static_cast<double>(runs));
}

} // namespace

bool Outcome::keeps(const Row& row, double slack) const {
    return within(pass, runs, row.pass_at_least, row.pass_at_most, slack) &&
           within(fail, runs, row.fail_at_least, row.fail_at_most, slack);
}

std::vector<Row> cutover_rows() {
    std::vector<Row> out;
    for (const Rate& rate : k_rates) {
        for (const Spread& spread : k_spreads) {
            const Setup setup = setup_of(rate, spread);
            out.push_back({setup, {.name = "equal to stable"}, k_stages, 0.90, 1, 0, 0.05});
            out.push_back(
                {setup, {.name = "errors doubled", .errors = 2}, k_stages, 0, 0.05, 0.95, 1}
            );
            out.push_back(
                {setup, {.name = "p95 +50 %", .slowness = 1.5}, k_stages, 0, 0.05, 0.95, 1}
            );
            out.push_back(
                {setup, {.name = "errors tenfold", .errors = 10}, k_stages, 0, 0.05, 0.95, 1}
            );
        }
    }
    return out;
}

std::vector<Row> limit_rows() {
    std::vector<Row> out;
    for (const Rate& rate : k_rates) {
        const Truth truth{.name = "errors at the limit", .errors = 1.5};
        Setup setup = setup_of(rate, k_spreads[0]);
        setup.interim_looks = k_many_looks;
        out.push_back({setup, truth, k_one_stage, 0, 0.05, 0, 0.05});
    }
    for (const Spread& spread : k_spreads) {
        const Truth truth{.name = "p95 at the limit", .slowness = 1.2};
        Setup setup = setup_of(k_rates[1], spread);
        setup.interim_looks = k_many_looks;
        out.push_back({setup, truth, k_one_stage, 0, 0.05, 0, 0.05});
    }
    return out;
}

Outcome run(const Row& row, std::uint64_t runs) {
    Outcome out{.runs = runs};
    std::vector<std::uint64_t> requests;
    std::vector<std::uint64_t> timed;
    for (std::uint64_t number = 0; number < runs; ++number) {
        Random random(seed_of(row, number));
        const Ending ending = simulate(row.setup, row.truth, row.stages, random);
        out.pass += ending.verdict == Verdict::pass ? 1 : 0;
        out.fail += ending.verdict == Verdict::fail ? 1 : 0;
        out.inconclusive += ending.verdict == Verdict::inconclusive ? 1 : 0;
        out.interim += ending.interim ? 1 : 0;
        requests.push_back(ending.requests);
        timed.push_back(ending.timed);
    }
    out.median_requests = median(requests);
    out.median_timed = median(timed);
    return out;
}

std::string heading(const Row& row) {
    const Setup& setup = row.setup;
    return fmt::format(
        "| {} | {:g} % | {:g} | +{:g} pp | +{:g} % | {} | {} |",
        row.truth.name,
        setup.base_rate * 100,
        setup.sigma,
        setup.rate_limit * 100,
        setup.p95_limit * 100,
        setup.requests * 2,
        setup.timed * 2
    );
}

std::string document(std::span<const Row> rows, std::span<const Outcome> results, bool cutovers) {
    std::string out = fmt::format(
        "{} simulated {} a row, {:g} % confidence, {} interim looks a window.\n\n",
        results.front().runs,
        cutovers ? "whole cutovers (stages 0, 5, 25, 50, 100 %)" : "stages",
        rows.front().setup.confidence * 100,
        rows.front().setup.interim_looks
    );
    out +=
        "| canary | base error rate | σ | limit, errors | limit, p95 | N requests | N timed | PASS "
        "| FAIL | INCONCLUSIVE | median requests | median timed | ended by an interim look |\n";
    out += "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | "
           "---: |\n";
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const Outcome& result = results[i];
        out += fmt::format(
            "{} {} | {} | {} | {} | {} | {} |\n",
            heading(rows[i]),
            share_text(result.pass, result.runs),
            share_text(result.fail, result.runs),
            share_text(result.inconclusive, result.runs),
            result.median_requests,
            result.median_timed,
            share_text(result.interim, result.runs)
        );
    }
    return out;
}

} // namespace oa_stream::simulation
