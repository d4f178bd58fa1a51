// Whether somebody works in a run folder: a lock that the kernel holds on the folder itself, gone
// with its holder however it ends. Nothing is left in the folder.
#pragma once

#include "oa_stream/base/process.hpp"

#include <filesystem>

namespace oa_stream::run {

/// Move-only.
class FolderLock {
public:
    FolderLock() = default;
    /// Waits a moment for readers that look at it; without the lock afterwards if it is not to be
    /// had, because a run must not fail for the sake of housekeeping.
    [[nodiscard]] static FolderLock acquire(const std::filesystem::path& folder);
    /// At once or not at all.
    [[nodiscard]] static FolderLock try_take(const std::filesystem::path& folder);
    /// Somebody else holds it.
    [[nodiscard]] static bool is_held(const std::filesystem::path& folder);

    [[nodiscard]] bool held() const noexcept { return static_cast<bool>(fd_); }

private:
    Descriptor fd_{};
};

} // namespace oa_stream::run
