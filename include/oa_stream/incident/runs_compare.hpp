// Two runs side by side: what differs, and what was measured in both.
#pragma once

#include "oa_stream/run/runs.hpp"

#include <string>
#include <vector>

namespace oa_stream::incident {

struct ComparedRow {
    std::string what; ///< "verdict", "check stream.happy.chat", "gate error-rate@5%"
    std::string a;    ///< "–": not there
    std::string b;
    bool differs = false;
    bool worse = false; ///< `b` is a verdict worse than that of `a`
    /// What the difference means: "within chance", "b is higher". Empty: the data decide nothing.
    std::string meaning{};
    bool matters = false; ///< it is not a matter of chance, time or place alone
};

struct Comparison {
    std::vector<ComparedRow> facts{}; ///< verdict, headline, versions, target, times
    std::vector<ComparedRow> checks{}; ///< by verdict
    std::vector<ComparedRow> gates{}; ///< value, interval, verdict
    std::vector<ComparedRow> latencies{}; ///< first content by stage and arm
    [[nodiscard]] std::size_t differences() const noexcept;
    [[nodiscard]] bool worse() const noexcept;
    /// Differences that matter.
    [[nodiscard]] std::size_t that_matter() const noexcept;
};

[[nodiscard]] Comparison compare_runs(const run::RunEntry& a, const run::RunEntry& b);
[[nodiscard]] Json to_json(const Comparison& comparison);

} // namespace oa_stream::incident
