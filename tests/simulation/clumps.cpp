#include "clumps.hpp"

#include "oa_stream/measure/gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace oa_stream::simulation {
namespace {

constexpr double k_limit = 0.01;
constexpr double k_demanded = 0.05;

/// Requests one after the other, clumps beginning anywhere; counted by the gate's stretches.
measure::Tally draw(const ClumpRow& row, Random& random) {
    std::vector<bool> bad(row.requests);
    const double begins = k_limit * row.times_limit / static_cast<double>(row.size);
    for (std::uint64_t i = 0; i < row.requests; ++i) {
        if (random.unit() > begins) {
            continue;
        }
        for (std::uint64_t j = i; j < std::min(row.requests, i + row.size); ++j) {
            bad[j] = true;
        }
    }
    measure::Tally out;
    out.blocks.resize(measure::k_blocks);
    for (std::uint64_t i = 0; i < row.requests; ++i) {
        auto& block = out.blocks[i * measure::k_blocks / row.requests];
        ++block.total;
        block.bad += bad[i] ? 1 : 0;
        ++out.requests.total;
        out.requests.bad += bad[i] ? 1 : 0;
    }
    return out;
}

bool at_most(std::uint64_t count, std::uint64_t runs, double limit, double slack) {
    const auto n = static_cast<double>(runs);
    return static_cast<double>(count) / n <= limit + slack * std::sqrt(limit * (1 - limit) / n);
}

} // namespace

bool ClumpOutcome::keeps(const ClumpRow& row, double slack) const {
    return at_most(pass, runs, row.pass_at_most, slack) &&
           at_most(fail, runs, row.fail_at_most, slack);
}

std::string ClumpOutcome::shares() const {
    const auto share = [&](std::uint64_t count) {
        return 100.0 * static_cast<double>(count) / static_cast<double>(runs);
    };
    const double rest = 100 - share(pass) - share(fail);
    return fmt::format(" {:.2f} % | {:.2f} % | {:.2f} % |\n", share(pass), share(fail), rest);
}

std::vector<ClumpRow> clump_rows() {
    std::vector<ClumpRow> out;
    for (const std::uint64_t size : std::array<std::uint64_t, 3>{1, 3, 10}) {
        out.push_back({size, size, 0.5, 6000, 1, k_demanded});
        out.push_back({size, size, 1, 6000, k_demanded, k_demanded});
        out.push_back({size, size, 2, 6000, k_demanded, 1});
    }
    // What nobody stated: a gate still knows the clumps that it saw.
    for (const std::uint64_t size : std::array<std::uint64_t, 2>{3, 10}) {
        out.push_back({size, 1, 0.5, 6000, 1, k_demanded});
        out.push_back({size, 1, 1, 6000, k_demanded, k_demanded});
        out.push_back({size, 1, 2, 6000, k_demanded, 1});
    }
    return out;
}

ClumpOutcome run(const ClumpRow& row, std::uint64_t runs) {
    measure::GateSpec gate;
    gate.id = "error-rate";
    gate.limit = k_limit;
    gate.clump = row.stated;
    ClumpOutcome out{.runs = runs};
    for (std::uint64_t number = 0; number < runs; ++number) {
        Random random(
            number * 1000 + row.size * 10 + static_cast<std::uint64_t>(row.times_limit * 4)
        );
        const measure::Tally canary = draw(row, random);
        const auto record = measure::evaluate(gate, {.canary_tally = &canary});
        out.pass += record.verdict == Verdict::pass ? 1 : 0;
        out.fail += record.verdict == Verdict::fail ? 1 : 0;
    }
    return out;
}

std::string heading(const ClumpRow& row) {
    return fmt::format(
        "| {} | {} | {:g} % | {:g} % | {} |",
        row.size,
        row.stated,
        100 * k_limit * row.times_limit,
        100 * k_limit,
        row.requests
    );
}

std::string document(std::span<const ClumpRow> rows, std::span<const ClumpOutcome> results) {
    std::string out = fmt::format(
        "{} simulated decisions a row, 95 % confidence, one look.\n\n", results.front().runs
    );
    out += "| clumps of | `clumps:` | true rate | limit | requests | PASS | FAIL | INCONCLUSIVE |\n"
           "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for (std::size_t i = 0; i < rows.size(); ++i) {
        out += heading(rows[i]) + results[i].shares();
    }
    return out;
}

} // namespace oa_stream::simulation
