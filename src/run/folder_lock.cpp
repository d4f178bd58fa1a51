#include "oa_stream/run/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace oa_stream::run {
namespace {

int open_folder(const std::filesystem::path& folder) {
    return ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

} // namespace

FolderLock FolderLock::try_take(const std::filesystem::path& folder) {
    const int fd = open_folder(folder);
    if (fd < 0) {
        return {};
    }
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        ::close(fd);
        return {};
    }
    return FolderLock(fd);
}

FolderLock FolderLock::take(const std::filesystem::path& folder) {
    constexpr int k_tries = 20;
    constexpr auto k_pause = std::chrono::milliseconds(10);
    FolderLock lock = try_take(folder);
    for (int i = 1; i < k_tries && !lock.held(); ++i) {
        std::this_thread::sleep_for(k_pause);
        lock = try_take(folder);
    }
    return lock;
}

bool FolderLock::is_held(const std::filesystem::path& folder) {
    const int fd = open_folder(folder);
    if (fd < 0) {
        return false;
    }
    // Shared: two who look do not see each other.
    const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
    ::close(fd);
    return !free;
}

FolderLock::~FolderLock() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

} // namespace oa_stream::run
