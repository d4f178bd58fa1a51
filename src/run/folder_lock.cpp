#include "oa_stream/run/folder_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

namespace oa_stream::run {
namespace {

Descriptor open_folder(const std::filesystem::path& folder) {
    return Descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

} // namespace

FolderLock FolderLock::try_take(const std::filesystem::path& folder) {
    FolderLock out;
    if (Descriptor fd = open_folder(folder); fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
        out.fd_ = std::move(fd);
    }
    return out;
}

FolderLock FolderLock::acquire(const std::filesystem::path& folder) {
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
    const Descriptor fd = open_folder(folder);
    // Shared: two who look do not see each other.
    return fd && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

} // namespace oa_stream::run
