// The run of a load: first requests to the target, the load, the result.
#pragma once

#include "load_args.hpp"

namespace oa_stream::cli {

/// Leaves a run and prints its result. Code::io; Code::precondition when the target's turns cost
/// money and this was not confirmed.
[[nodiscard]] Result<ExitCode> run_load(LoadArgs args, Context& context);

} // namespace oa_stream::cli
