// Which runs may go, and how one goes beside others that are just being worked on.
#pragma once

#include "oa_stream/run/runs.hpp"

#include <chrono>
#include <functional>

namespace oa_stream::run {

/// At least one must be set. A run goes when it is too old, or when the rest would be too big
/// without it (the oldest first); with `keep` alone, when it is not among the newest. The newest
/// `keep` never go.
struct GcRules {
    std::optional<std::chrono::milliseconds> older_than{};
    std::optional<std::uint64_t> keep{};
    std::optional<std::uint64_t> max_size{}; ///< bytes of all runs together
};

struct GcStep {
    RunEntry run;
    bool goes = false;
    std::string why; ///< it goes, or it stays though a rule says otherwise; empty: it just stays
};

/// Why somebody still needs a run; nullopt: nobody does.
using Needed = std::function<std::optional<std::string>(const RunEntry&)>;

/// One step for each run, newest first. A run that is alive, pinned, needed or only just begun
/// never goes. Changes nothing.
[[nodiscard]] std::vector<GcStep> plan_gc(
    std::vector<RunEntry> newest_first, const GcRules& rules, const Needed& needed, WallTime now
);

/// Locks the folder, takes it out of sight with one rename, then deletes it, with what the run
/// printed without a terminal. Code::conflict when somebody works in it or pinned it meanwhile,
/// Code::not_found when it is gone already, Code::io.
[[nodiscard]] Result<void> remove_run(const std::filesystem::path& folder);

/// Deletes what a removal that was cut short left out of sight; how many there were.
[[nodiscard]] std::size_t sweep_removed(const std::filesystem::path& state_dir);

} // namespace oa_stream::run
