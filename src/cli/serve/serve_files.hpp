// The files that serve reads at its start and again on SIGHUP.
#pragma once

#include "oa_stream/lane/auth.hpp"

#include "serve_options.hpp"

#include <optional>

namespace oa_stream::cli {

/// From --tokens and OA_STREAM_TOKEN; nullopt when neither configures authentication.
[[nodiscard]] Result<std::optional<lane::TokenTable>>
read_tokens(const ServeOptions& options, const Context& context);
/// Each function changes the options only when it succeeds. At the start a missing file leaves mode
/// and level unchanged; at a reload it is an error, because whoever removed it may believe that its
/// value no longer applies.
enum class ReadAt { start, reload };
[[nodiscard]] Result<void> read_policy(ServeOptions& options);
[[nodiscard]] Result<void> read_lane_file(ServeOptions& options, ReadAt when);
[[nodiscard]] Result<void> read_log_level_file(ServeOptions& options, ReadAt when);

} // namespace oa_stream::cli
