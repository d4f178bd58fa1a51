// The running lane: combines authority, id map, lane and server, and handles signals.
#pragma once

#include "core/command.hpp"
#include "serve_options.hpp"

namespace oa_stream::cli {

/// Returns when a signal ended it: ExitCode::ok once drained. TERM and INT drain, a second one ends
/// the process at once; HUP reads tokens, policy, lane file and log level again and reopens the
/// access log.
[[nodiscard]] Result<ExitCode> serve(ServeOptions options, Context& context);

} // namespace oa_stream::cli
