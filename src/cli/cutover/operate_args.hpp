// A run of an operator, from the context to the exit code.
#pragma once

#include "oa_stream/playbook/operate.hpp"

#include "core/run_screen.hpp"

#include <functional>

namespace oa_stream::cli {

using playbook::StopRequest;

/// Starts the run that `start` makes with screen, signals and state directory of `context`, and
/// tells how it ended.
[[nodiscard]] Result<ExitCode> operate(
    Context& context,
    const std::function<Task<Result<playbook::RunEnd>>(playbook::Operator by)>& start
);

} // namespace oa_stream::cli
