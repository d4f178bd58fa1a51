// slo gate --replay: judges whether past runs would have passed under other limits, from their
// records.
#pragma once

#include "oa_stream/base/option_names.hpp"

#include "core/command.hpp"

namespace oa_stream::cli {

struct ReplayOptions {
    std::vector<std::string> runs{};
    std::vector<std::string> settings{};
};
inline constexpr auto k_replay_runs =
    option<&ReplayOptions::runs>(
        names::replay, "RUN…", "Judge the samples of these past runs again, without any request."
    )
        .offering(Offer::runs);
inline constexpr auto k_replay_set = option<&ReplayOptions::settings>(
    names::set,
    "KEY=VALUE",
    "With --replay: limit, confidence, min_n or min_events; for one gate: ID.limit=2%."
);
inline constexpr auto k_replay_options = options<ReplayOptions>(k_replay_runs, k_replay_set);

/// Prints for each run and gate the recorded and the new judgement. Recorded samples are never a
/// live PASS: ExitCode::breach when a run would have failed, otherwise inconclusive. Code::usage
/// for settings that are invalid or change nothing, Code::unreadable for a run that does not exist
/// or has no gates.
[[nodiscard]] Result<ExitCode> replay_gates(const ReplayOptions& options, Context& context);

} // namespace oa_stream::cli
