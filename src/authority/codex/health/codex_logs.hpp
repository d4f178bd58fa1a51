// Codex's log database. Codex 0.169.0 stores every trace event of every turn in
// <home>/logs_2.sqlite, including prompts and answers, about 70 kB per turn, and has no setting to
// disable it (openai/codex #31132, #35823). Without the database it deletes no thread. So the
// database stays, and a trigger drops the inserted rows.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>

namespace oa_stream::authority {

/// Removes the databases that an earlier child filled. No child may be running.
void remove_logs(const std::filesystem::path& home);

/// Makes every log database in `home` discard new rows, and deletes its existing ones. May be
/// repeated, also while a child runs. Blocks the caller: 5 to 10 ms after a child's start, when it
/// has few rows, and at most 500 ms for that child's lock. Code::io with SQLite's reason.
[[nodiscard]] Result<void> silence_logs(const std::filesystem::path& home);

} // namespace oa_stream::authority
