#include "access_log_files.hpp"

#include <fmt/format.h>

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <tuple>

namespace oa_stream::measure {
namespace {

/// access.log → access.log.1, access.log.2.gz, access.log-20261120.zst, access.log.old: the suffix
/// begins with a digit or is "old", so access.log.bak and access.log.swp are ignored.
bool is_rotated(std::string_view file, std::string_view name) {
    if (!file.starts_with(name)) {
        return false;
    }
    const std::string_view rest = file.substr(name.size());
    if (rest == ".old" || rest == "-old" || rest.starts_with(".old.") ||
        rest.starts_with("-old.")) {
        return true;
    }
    return rest.size() >= 2 && (rest[0] == '.' || rest[0] == '-') && rest[1] >= '0' &&
           rest[1] <= '9' && !rest.ends_with(".tmp");
}

double unix_time(const timespec& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Fills in the file's state. False when it no longer exists or is not a regular file.
bool look_at(LogFile& file) {
    struct stat info{};
    if (::stat(file.path.c_str(), &info) != 0) {
        return false;
    }
    if (!S_ISREG(info.st_mode)) {
        errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
        return false;
    }
    file.device = info.st_dev;
    file.inode = info.st_ino;
    file.size = static_cast<std::uint64_t>(info.st_size);
    file.changed_s = unix_time(info.st_mtim);
    return true;
}

} // namespace

Result<LogFiles> log_files(const std::filesystem::path& path, bool rotated, double since_s) {
    LogFiles out;
    auto& files = out.files;
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const std::string name = path.filename().string();
    std::error_code error;
    std::filesystem::directory_iterator at;
    if (rotated) {
        at = std::filesystem::directory_iterator(folder, error);
    }
    for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        LogFile file{.path = at->path()};
        if (is_rotated(file.path.filename().string(), name) && look_at(file) &&
            file.changed_s >= since_s) {
            files.push_back(std::move(file));
        }
    }
    if (error) {
        out.unlisted = error.message();
    }
    std::ranges::sort(files, [](const LogFile& a, const LogFile& b) {
        return std::tie(a.changed_s, a.path) < std::tie(b.changed_s, b.path);
    });
    LogFile current{.path = path, .current = true};
    if (look_at(current)) {
        files.push_back(std::move(current));
    } else if (const int error_number = errno; files.empty() || error_number != ENOENT) {
        const std::string why = errno_text(error_number);
        if (std::filesystem::is_fifo(path, error)) {
            return fail(
                Code::unreadable,
                "it is a pipe",
                path.string(),
                "write it to a file first, or use - for standard input"
            );
        }
        return fail(Code::unreadable, "cannot read: " + why, path.string());
    }
    return out;
}

} // namespace oa_stream::measure
