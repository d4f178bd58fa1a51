// The rollouts of codex's home that rest, compressed by codex itself. Codex 0.169.0 writes a turn's
// rollout at 6 kB and compresses (feature local_thread_store_compression) what was last written a
// week ago, once, when a process of it starts and none did in the last six hours. To have it done
// sooner, their times are set back by more than that week while such a process runs, and restored:
// Codex takes a thread's `updatedAt` from them.
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
    std::string path; ///< below the home
    FileTime written;
};

/// At most `most` rollouts that were last written before `before` and whose thread `skip` leaves.
/// Lets others run between the pieces of a large home.
[[nodiscard]] Task<std::vector<RestingRollout>> find_resting(
    std::filesystem::path home,
    FileTime before,
    std::size_t most,
    std::function<bool(std::string_view thread)> skip
);

/// Whether a rollout, compressed or not, was last written before `before`.
[[nodiscard]] Task<bool> has_unused(std::filesystem::path home, FileTime before);

/// Sets their times back, and has the next process of codex look. First the true times are written
/// beside the home, durably, for restore_ages(). On an error nothing is changed.
[[nodiscard]] Result<void>
age_rollouts(const std::filesystem::path& home, const std::vector<RestingRollout>& rollouts);

/// How many of them are not compressed yet.
[[nodiscard]] std::size_t
count_plain(const std::filesystem::path& home, const std::vector<RestingRollout>& rollouts);

/// Gives the rollouts of age_rollouts(), compressed or not, their true times again; those that were
/// written since keep theirs. Also after a crash: nothing else need be known.
void restore_ages(const std::filesystem::path& home);

} // namespace oa_stream::authority
