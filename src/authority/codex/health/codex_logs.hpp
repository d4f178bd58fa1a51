// Codex's log database. Codex 0.169.0 stores every trace event of every turn in
// <home>/logs_2.sqlite, prompts and answers included, about 70 kB a turn, and has no setting for it
// (openai/codex #31132, #35823). Without the database it deletes no thread. So the database stays,
// and a trigger drops what is inserted.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>

namespace oa_stream::authority {

/// Removes the databases that an earlier child filled. No child may run.
void remove_logs(const std::filesystem::path& home);

/// Every log database in `home` takes no more rows and loses those it has. May be repeated, also
/// while a child runs. Blocks its caller: a child that has just started has some rows at most, so
/// 5 to 10 ms, and for that child's lock 500 ms at most. Code::io with SQLite's reason.
[[nodiscard]] Result<void> silence_logs(const std::filesystem::path& home);

} // namespace oa_stream::authority
