// Who may use the lane, who shares what where the model runs commands, and who approves commands:
// without an option that decides these, the start is refused.
#pragma once

#include "oa_stream/lane/auth.hpp"

#include "serve_options.hpp"

namespace oa_stream::cli {

/// Checks the options for work folders and root; hides the lane's own files from commands. Errors:
/// Code::usage.
[[nodiscard]] Result<void> complete_workspace(ServeOptions& options);

/// Whether these owners may use the lane as configured. Errors: Code::usage: without tokens others
/// could reach it, or several owners would share a home and a work folder.
[[nodiscard]] Result<void>
check_owners(const ServeOptions& options, const std::optional<lane::TokenTable>& tokens);

/// `--approvals ask` with an authority that never requests approval is an error, reported at the
/// start.
[[nodiscard]] Result<void>
check_approvals(const ServeOptions& options, const authority::Capabilities& capabilities);

} // namespace oa_stream::cli
