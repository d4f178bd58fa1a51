// A run of a playbook, from the context to the exit code.
#pragma once

#include "oa_stream/playbook/runner.hpp"

#include "core/run_screen.hpp"
#include "live_events.hpp"

#include <functional>
#include <utility>

namespace oa_stream::cli {

/// What a run touches; decides what a signal is answered with.
enum class Touches {
    nothing,   ///< it only looks
    own_lanes, ///< on this machine; they end with the run
    traffic,
};

using StartRun = std::function<Task<Result<run::RunResult>>(playbook::Operator by)>;

/// Carries out the run that `start` makes, with screen, signals and state directory of `context`.
/// With --ndjson its events and its result are on stdout by then.
[[nodiscard]] Result<run::RunResult>
carry_out(Context& context, Touches touches, const StartRun& start, const LiveOptions& live = {});

/// Result on stdout, last line on stderr; nothing at all under -q on PASS, but with --json.
[[nodiscard]] ExitCode
show_run(const run::RunResult& result, Context& context, const LiveOptions& live = {});

/// Both, of the run that `start` makes of `input`, whose `by` is filled in.
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
