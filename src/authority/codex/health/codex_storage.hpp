// Whether codex can store conversations: the free space of its home, and its own complaints.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::authority {

/// nullopt when `folder` has `least` bytes for an ordinary user, or cannot be checked; else one
/// line. One statvfs(2), microseconds on a local file system.
[[nodiscard]] std::optional<std::string>
lacks_room(const std::filesystem::path& folder, std::uint64_t least);

/// Writes, syncs and removes 64 KiB below `folder`: a quota or a read-only mount fails this
/// although blocks are free.
[[nodiscard]] Result<void> try_writing(const std::filesystem::path& folder);

/// Whether codex may write its databases, its locks and the folder of today's conversations below
/// `home`; missing ones are accepted. Code::io names the first that it may not write, for example
/// one restored by another user. A dozen system calls, microseconds each.
[[nodiscard]] Result<void> check_writable(const std::filesystem::path& home);

/// The part of a codex text in which the kernel or SQLite reports a disk that accepts no more data.
[[nodiscard]] std::optional<std::string_view> disk_cause_in(std::string_view text) noexcept;

/// The cause, for example "No space left on device", when a line of codex's stderr reports that it
/// could not store part of a conversation. Codex 0.169.0 continues such a turn and reports
/// `completed`.
[[nodiscard]] std::optional<std::string> save_failure_in_stderr(std::string_view line);
/// codex's reason when a `warning` notification reports that it could not store part of a
/// conversation.
[[nodiscard]] std::optional<std::string> save_failure_in_warning(std::string_view message);

} // namespace oa_stream::authority
