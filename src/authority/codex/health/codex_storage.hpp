// Whether codex can write down what it is told: the room its home has, and its own complaints.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::authority {

/// Nothing when `folder` has `least` bytes for an ordinary user, or cannot be asked; else one line.
/// One statvfs(2), microseconds on a local file system.
[[nodiscard]] std::optional<std::string>
lacks_room(const std::filesystem::path& folder, std::uint64_t least);

/// Writes, syncs and removes 64 KiB below `folder`: quotas and read-only mounts leave free blocks.
[[nodiscard]] Result<void> try_writing(const std::filesystem::path& folder);

/// Whether codex may write its databases, its locks and the folder of today's conversations below
/// `home`; what is not there yet is fine. Code::io names the first that it may not, such as one
/// that somebody else restored. A dozen system calls, microseconds each.
[[nodiscard]] Result<void> check_writable(const std::filesystem::path& home);

/// What the kernel or SQLite says of a disk that takes nothing more, in a text of codex's.
[[nodiscard]] std::optional<std::string_view> disk_cause_in(std::string_view text) noexcept;

/// The cause, such as "No space left on device", when a line of codex's stderr says that it could
/// not store part of a conversation. Codex 0.169.0 goes on with the turn and reports `completed`.
[[nodiscard]] std::optional<std::string> save_failure_in_stderr(std::string_view line);
/// Why codex could not store part of a conversation, in its own words, when the message of a
/// `warning` notification says so.
[[nodiscard]] std::optional<std::string> save_failure_in_warning(std::string_view message);

} // namespace oa_stream::authority
