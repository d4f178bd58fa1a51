// slo gate --replay: would past runs have passed under other limits? Judges what runs recorded.
#pragma once

#include "core/command.hpp"

namespace oa_stream::cli {

inline constexpr OptionSpec k_replay_runs{
    "--replay", "RUN…", "Judge these past runs' samples again instead of asking anybody.", {}, true
};
inline constexpr OptionSpec k_replay_set{
    "--set",
    "KEY=VALUE",
    "With --replay: limit, confidence, min_n, min_events; of one gate: ID.limit=2%. Repeats.",
    {},
    true
};

/// Prints run by run, gate by gate, how it was judged and how it would be. Recorded samples are
/// never a live PASS: ExitCode::breach when a run would have failed, else inconclusive.
/// Code::usage for settings that make no sense or change nothing, Code::unreadable for a run that
/// is not there or has no gates.
[[nodiscard]] Result<ExitCode> replay_gates(const Args& args, Context& context);

} // namespace oa_stream::cli
