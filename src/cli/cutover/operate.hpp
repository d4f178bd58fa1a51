// Carries out a run of a playbook, from the context to the exit code.
#pragma once

#include "oa_stream/playbook/runner.hpp"

#include "core/run_screen.hpp"
#include "live_events.hpp"

#include <functional>
#include <utility>

namespace oa_stream::cli {

/// What a run affects; determines the reply to a signal.
enum class Touches {
    nothing, ///< it only reads
    own_lanes, ///< on this machine; they end with the run
    traffic,
};

using StartRun = std::function<Task<Result<run::RunResult>>(playbook::Operator by)>;

/// Carries out the run that `start` makes, with the context's screen, signals and state directory.
/// With --ndjson its events and result have been printed to stdout on return.
[[nodiscard]] Result<run::RunResult>
carry_out(Context& context, Touches touches, const StartRun& start, const LiveOptions& live = {});

/// Prints the result to stdout and the last line to stderr; nothing under -q on PASS, except with
/// --json.
[[nodiscard]] ExitCode
show_run(const run::RunResult& result, Context& context, const LiveOptions& live = {});

/// Does both, for the run that `start` makes of `input`, whose `by` is filled in.
template <class Input>
[[nodiscard]] Result<ExitCode> operate(
    Context& context,
    Touches touches,
    Task<Result<run::RunResult>> (*start)(Input),
    Input input,
    const LiveOptions& live = {}
) {
    OA_TRY(
        const auto result,
        carry_out(
            context,
            touches,
            [&](playbook::Operator by) {
                input.by = std::move(by);
                return start(std::move(input));
            },
            live
        )
    );
    return show_run(result, context, live);
}

} // namespace oa_stream::cli
