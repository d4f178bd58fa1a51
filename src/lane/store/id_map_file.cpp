#include "id_map_file.hpp"

#include "oa_stream/base/file.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace oa_stream::lane {

namespace {

    /// Held while a process rewrites the map; the kernel drops it with the process.
class FileLock {
public:
    static Result<FileLock> take(const std::filesystem::path& path) {
        const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0 || ::flock(fd, LOCK_EX) != 0) {
            const int error = errno;
            if (fd >= 0) {
                ::close(fd);
            }
            return fail(
                Code::io,
                fmt::format("cannot lock: {}", std::generic_category().message(error)),
                path.string()
            );
        }
        return FileLock(fd);
    }
    FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    FileLock& operator=(FileLock&&) = delete;
    ~FileLock() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }

private:
    explicit FileLock(int fd) : fd_(fd) {}
    int fd_;
};

constexpr std::uint64_t k_file_limit = 1ULL << 30U;

} // namespace

std::string row_key(std::string_view owner, std::string_view id) {
    std::string key;
    key.reserve(owner.size() + id.size() + 1);
    key += owner;
    key += '/';
    key += id;
    return key;
}

IdMapFile::Stamp IdMapFile::stamp() const {
    std::error_code none;
    Stamp now;
    now.time = std::filesystem::last_write_time(path_, none);
    now.size = none ? 0 : std::filesystem::file_size(path_, none);
    return none ? Stamp{} : now;
}

Result<std::vector<ThreadRow>> IdMapFile::load() {
    std::error_code none;
    if (!std::filesystem::exists(path_, none)) {
        return std::vector<ThreadRow>{};
    }
    seen_ = stamp();
    OA_TRY(const auto text, read_file(path_, k_file_limit));
    OA_TRY(auto rows, parse_rows(text, path_.string()));
    for (const auto& row : rows) {
        rows_.insert_or_assign(row_key(row.owner, row.id), row);
    }
    return rows;
}

Result<std::vector<ThreadRow>> IdMapFile::merge(std::vector<ThreadRow> fresh) {
    OA_CHECK(make_dirs(path_.parent_path()));
    auto lock_path = path_;
    lock_path += ".lock";
    OA_TRY(const auto lock, FileLock::take(lock_path));
    std::vector<ThreadRow> foreign;
    if (stamp() != seen_) {
        OA_TRY(foreign, load());
    }
    for (auto& row : fresh) {
        rows_.insert_or_assign(row_key(row.owner, row.id), std::move(row));
    }
    std::vector<ThreadRow> all;
    all.reserve(rows_.size());
    for (const auto& [key, row] : rows_) {
        all.push_back(row);
    }
    OA_CHECK(write_file_atomic(path_, format_rows(all), 0600));
    seen_ = stamp();
    return foreign;
}

} // namespace oa_stream::lane
