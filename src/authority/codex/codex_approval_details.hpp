// What a person reads before a decision: a data-approval part beside the question.
#pragma once

#include "codex_approvals.hpp"

namespace oa_stream::authority {

/// Bytes of one file's diff, and of all diffs of one question; the rest is cut and counted. The
/// command, its folder, the paths and the arguments are never cut: what is cut cannot be judged.
inline constexpr std::size_t k_diff_bytes = 16U << 10U;
inline constexpr std::size_t k_diffs_bytes = 64U << 10U;

/// For a request that approval_of() takes: what it asks for, without ids. `place` says where the
/// turn works. A path below the work folder is given relative to it, any other as it is; links are
/// followed, and a path that leads elsewhere has that place beside it.
[[nodiscard]] Json
approval_details(std::string_view method, const Json& params, const ApprovalPlace& place);

/// Adds the files of a `fileChange` item's `changes`.
void add_files(Json& details, const Json& changes, const ApprovalPlace& place);

} // namespace oa_stream::authority
