// What commands that carry out a playbook against the real thing have in common.
#pragma once

#include "oa_stream/playbook/target_run.hpp"

#include "core/command.hpp"
#include "core/run_screen.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::cli {

inline constexpr OptionSpec k_set_option{
    "--set", "NAME=VALUE", "Give a variable of the playbook its value; repeats.", {}, true
};
inline constexpr OptionSpec k_asserted_option{
    "--asserted-budget",
    "PERCENT",
    "State how much of the error budget is consumed, where the playbook takes that; shown as such."
};
inline constexpr OptionSpec k_reason_option{
    "--reason", "TEXT", "Why what you state is so; goes into the report."
};
inline constexpr OptionSpec k_no_probes_option{
    "--no-probes", "", "Send GETs alone; the rest is skipped, so it is never PASS."
};

/// What --asserted-budget and --reason say; nothing when they were not given.
[[nodiscard]] Result<std::optional<playbook::Asserted>> parse_stated(const Args& args);

/// Playbook, variables, stated values; nothing is asked of anybody. `fallback`: the playbook when
/// none is named; empty: one must be.
[[nodiscard]] Result<playbook::TargetRunInput>
parse_target_run(const Args& args, const Context& context, std::string_view fallback);

/// Result on stdout, last line on stderr; nothing at all under -q on PASS, but with --json.
[[nodiscard]] ExitCode tell_run(const playbook::RunEnd& end, Context& context);

/// Runs it under the screen and the signals. `carry_out`: one of target_run.hpp.
using CarryOut = Task<Result<playbook::RunEnd>> (*)(playbook::TargetRunInput);
[[nodiscard]] Result<playbook::RunEnd> carry_out_run(
    playbook::TargetRunInput input, CarryOut carry_out, const SignalWords& words, Context& context
);
/// And tells it.
[[nodiscard]] Result<ExitCode> run_target(
    playbook::TargetRunInput input, CarryOut carry_out, const SignalWords& words, Context& context
);

} // namespace oa_stream::cli
