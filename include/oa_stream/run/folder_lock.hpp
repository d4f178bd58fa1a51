// Whether somebody works in a run folder: a lock that the kernel holds on the folder itself, gone
// with its holder however it ends. Nothing is left in the folder.
#pragma once

#include <filesystem>
#include <utility>

namespace oa_stream::run {

/// Move-only.
class FolderLock {
public:
    FolderLock() = default;
    /// Waits a moment for readers that look at it; without the lock afterwards if it is not to be
    /// had, because a run must not fail for the sake of housekeeping.
    [[nodiscard]] static FolderLock take(const std::filesystem::path& folder);
    /// At once or not at all.
    [[nodiscard]] static FolderLock try_take(const std::filesystem::path& folder);
    /// Somebody else holds it.
    [[nodiscard]] static bool is_held(const std::filesystem::path& folder);

    [[nodiscard]] bool held() const noexcept { return fd_ >= 0; }

    FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FolderLock& operator=(FolderLock&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;
    ~FolderLock();

private:
    explicit FolderLock(int fd) noexcept : fd_(fd) {}
    int fd_ = -1;
};

} // namespace oa_stream::run
