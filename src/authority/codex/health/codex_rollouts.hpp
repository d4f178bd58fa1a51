// Unused rollouts in codex's home, compressed by codex itself. Codex 0.169.0 writes 6 kB of rollout
// per turn. It compresses (feature local_thread_store_compression) the rollouts last written over a
// week ago, once per process start, and only if no process started in the last six hours. For an
// earlier compression, the files' times are set back by more than that week while such a process
// runs, and restored afterwards: Codex derives a thread's `updatedAt` from them.
#pragma once

#include "oa_stream/base/task.hpp"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

using FileTime = std::filesystem::file_time_type;

struct RestingRollout {
    std::string path; ///< relative to the home
    FileTime written;
};

/// At most `most` rollouts that were last written before `before` and whose thread `skip` does not
/// exclude. Yields to the loop between pieces of a large home.
[[nodiscard]] Task<std::vector<RestingRollout>> find_resting(
    std::filesystem::path home,
    FileTime before,
    std::size_t most,
    std::function<bool(std::string_view thread)> skip
);

/// Whether a rollout, compressed or not, was last written before `before`.
[[nodiscard]] Task<bool> has_unused(std::filesystem::path home, FileTime before);

/// Sets their times back, and makes the next codex process check them. First writes the true times
/// durably next to the home, for restore_ages(). On an error nothing is changed.
[[nodiscard]] Result<void>
age_rollouts(const std::filesystem::path& home, const std::vector<RestingRollout>& rollouts);

/// How many of them are not compressed yet.
[[nodiscard]] std::size_t
count_plain(const std::filesystem::path& home, const std::vector<RestingRollout>& rollouts);

/// Restores the true times of the rollouts of age_rollouts(), compressed or not; rollouts written
/// since keep their times. Works after a crash, because it needs only the stored list.
void restore_ages(const std::filesystem::path& home);

} // namespace oa_stream::authority
