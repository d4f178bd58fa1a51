// Details that a person needs to decide an approval: a data-approval part next to the question.
#pragma once

#include "codex_approvals.hpp"

namespace oa_stream::authority {

/// Limits in bytes for one file's diff and for all diffs of one question; the rest is cut and
/// counted. The command, its folder, the paths and the arguments are never cut, because a person
/// cannot judge what is missing.
inline constexpr std::size_t k_diff_bytes = 16U << 10U;
inline constexpr std::size_t k_diffs_bytes = 64U << 10U;

/// The details of a request that approval_of() accepts, without ids. `place`: the turn's folder. A
/// path below the work folder is shown relative to it, any other path as it is. A path whose
/// symbolic links lead elsewhere also gets its target.
[[nodiscard]] Json
approval_details(std::string_view method, const Json& params, const ApprovalPlace& place);

/// Adds the files from the `changes` of a `fileChange` item.
void add_files(Json& details, const Json& changes, const ApprovalPlace& place);

} // namespace oa_stream::authority
