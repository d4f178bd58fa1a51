// The run of a load: a first look at the target, the load, what it came to.
#pragma once

#include "load_args.hpp"

namespace oa_stream::cli {

/// Leaves a run and prints its result. Code::io; Code::precondition when the target's turns cost
/// and nobody confirmed it.
[[nodiscard]] Result<ExitCode> run_load(LoadArgs args, Context& context);

} // namespace oa_stream::cli
