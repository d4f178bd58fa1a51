#include "oa_stream/base/file.hpp"

#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/output.hpp"
#include "oa_stream/base/process.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace oa_stream {

namespace {

Result<void> write_to(int fd, std::string_view bytes, const std::string& where) {
    if (const int error = write_all(fd, bytes); error != 0) {
        return fail(Code::io, fmt::format("cannot write: {}", errno_text(error)), where);
    }
    return {};
}

/// A file of its own beside `path`, on disk; its name.
Result<std::filesystem::path>
write_draft(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
    std::filesystem::path draft = path.string() + ".tmp-" + random_hex(4);
    const Descriptor fd(::open(draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) {
        return fail(Code::io, fmt::format("cannot create: {}", errno_text(errno)), path.string());
    }
    auto written = write_to(fd.get(), bytes, path.string());
    if (written && ::fsync(fd.get()) != 0) {
        written = fail(Code::io, fmt::format("cannot sync: {}", errno_text(errno)), path.string());
    }
    if (!written) {
        ::unlink(draft.c_str());
        return std::unexpected(std::move(written).error());
    }
    return draft;
}

/// A device, a pipe, or a name of an open descriptor: nothing that a rename may put aside.
bool takes_bytes(const std::filesystem::path& path) {
    const std::string name = path.string();
    const bool in_memory = name.starts_with("/dev/shm/"); // an ordinary file system
    if ((name.starts_with("/dev/") && !in_memory) || name.starts_with("/proc/")) {
        return true;
    }
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

Result<void> write_into(const std::filesystem::path& path, std::string_view bytes) {
    const Descriptor fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) {
        return fail(Code::io, fmt::format("cannot write: {}", errno_text(errno)), path.string());
    }
    return write_to(fd.get(), bytes, path.string());
}

/// The file that a symbolic link names, there or not: it is replaced, and the link stays.
std::filesystem::path behind_links(std::filesystem::path path) {
    constexpr int k_most_links = 40; // that Linux follows
    for (int links = 0; links < k_most_links; ++links) {
        std::error_code none;
        const auto target = std::filesystem::read_symlink(path, none);
        if (none) {
            break;
        }
        path = path.parent_path() / target;
    }
    return path;
}

void sync_folder_of(const std::filesystem::path& path) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const Descriptor parent(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (parent) {
        ::fsync(parent.get());
    }
}

/// It was removed, so what is written to it is lost with the last descriptor.
bool has_no_name(int fd) {
    struct stat facts{};
    return ::fstat(fd, &facts) == 0 && facts.st_nlink == 0;
}

/// The name under which `fd` was opened, as it is called now.
std::string name_of(int fd) {
    std::error_code unknown; // without /proc
    const auto name = std::filesystem::read_symlink(fmt::format("/proc/self/fd/{}", fd), unknown);
    return unknown ? "append" : name.string();
}

std::unexpected<Error> larger_than(std::uint64_t limit, const std::filesystem::path& path) {
    return fail(Code::unreadable, fmt::format("larger than {} bytes", limit), path.string());
}

/// 0 for what has none, like a pipe.
std::uint64_t size_of(int fd) {
    struct stat facts{};
    return ::fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)
               ? static_cast<std::uint64_t>(facts.st_size)
               : 0;
}

} // namespace

Result<bool> look_for(const std::filesystem::path& path) {
    std::error_code unknown;
    const bool there = std::filesystem::exists(path, unknown);
    if (unknown) {
        return fail(Code::io, fmt::format("cannot look up: {}", unknown.message()), path.string());
    }
    return there;
}

Result<std::string> read_file(const std::filesystem::path& path, std::uint64_t limit) {
    const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        return fail(
            Code::unreadable, fmt::format("cannot read: {}", errno_text(errno)), path.string()
        );
    }
    const std::uint64_t size = size_of(fd.get());
    if (size > limit) { // before it takes that much memory
        return larger_than(limit, path);
    }
    std::string text;
    text.reserve(size); // one that grows by doubling takes up to three times as much meanwhile
    std::array<char, 65536> buffer{};
    for (;;) {
        const auto got = ::read(fd.get(), buffer.data(), buffer.size());
        if (got < 0) {
            return fail(
                Code::unreadable, fmt::format("cannot read: {}", errno_text(errno)), path.string()
            );
        }
        if (got == 0) {
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > limit) {
            return larger_than(limit, path);
        }
    }
}

Result<void>
write_file_atomic(const std::filesystem::path& name, std::string_view bytes, unsigned mode) {
    if (takes_bytes(name)) {
        return write_into(name, bytes);
    }
    const std::filesystem::path path = behind_links(name);
    OA_TRY(const std::filesystem::path draft, write_draft(path, bytes, mode));
    if (::rename(draft.c_str(), path.c_str()) != 0) {
        const int number = errno;
        ::unlink(draft.c_str());
        return fail(Code::io, fmt::format("cannot replace: {}", errno_text(number)), path.string());
    }
    sync_folder_of(path);
    return {};
}

Result<void>
write_file_once(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
    OA_TRY(const std::filesystem::path draft, write_draft(path, bytes, mode));
    const int linked = ::link(draft.c_str(), path.c_str());
    const int number = errno;
    ::unlink(draft.c_str());
    if (linked != 0) {
        return number == EEXIST ? fail(Code::conflict, "is already there", path.string())
                                : fail(
                                      Code::io,
                                      fmt::format("cannot create: {}", errno_text(number)),
                                      path.string()
                                  );
    }
    sync_folder_of(path);
    return {};
}

Result<void> make_dirs(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    if (error) {
        return fail(
            Code::io, fmt::format("cannot create folder: {}", error.message()), path.string()
        );
    }
    return {};
}

namespace {

/// Only a regular file can be looked at without taking what somebody else is to read.
bool has_torn_end(int fd, const std::filesystem::path& path) {
    struct stat facts{};
    if (::fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size == 0) {
        return false;
    }
    const Descriptor reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    char last = '\n';
    return reader && ::pread(reader.get(), &last, 1, facts.st_size - 1) == 1 && last != '\n';
}

} // namespace

Result<LineAppender> LineAppender::open(const std::filesystem::path& path, Durability durability) {
    // O_NONBLOCK: a pipe without a reader is an error, not a wait. The umask says whether the group
    // may go on with the file, as with a run of a team.
    const int fd =
        ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0664);
    if (fd < 0) {
        const int number = errno;
        const auto why =
            number == ENXIO ? std::string("nobody reads this pipe") : errno_text(number);
        const auto* const hint = number == ENOENT   ? "create its folder"
                                 : number == EACCES ? "it, or its folder, belongs to another user"
                                                    : "";
        return fail(Code::io, fmt::format("cannot open: {}", why), path.string(), hint);
    }
    (void)::fcntl(fd, F_SETFL, O_APPEND); // NOLINT(cppcoreguidelines-pro-type-vararg)
    return LineAppender(fd, durability, has_torn_end(fd, path));
}

LineAppender::LineAppender(LineAppender&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), durability_(other.durability_), torn_(other.torn_) {
}

LineAppender& LineAppender::operator=(LineAppender&& other) noexcept {
    std::swap(fd_, other.fd_);
    std::swap(durability_, other.durability_);
    std::swap(torn_, other.torn_);
    return *this;
}

LineAppender::~LineAppender() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

std::uint64_t LineAppender::end() const {
    const auto at = ::lseek(fd_, 0, SEEK_CUR); // what O_APPEND writes moves it from the file's end
    return at < 0 ? 0 : static_cast<std::uint64_t>(at);
}

Result<void> LineAppender::append(std::string_view line) {
    if (durability_ == Durability::synced && has_no_name(fd_)) {
        return fail(Code::io, "cannot write: the file was removed", name_of(fd_));
    }
    std::string whole(torn_ ? "\n" : "");
    whole += line;
    whole += '\n';
    const auto before = ::lseek(fd_, 0, SEEK_END);
    // Who writes may be a loop that serves others: it does not wait for the reader of a pipe. Ready
    // means a page of room, more than a line has. What has an end to seek is not a pipe.
    pollfd ready{fd_, POLLOUT, 0};
    if (before < 0 && ::poll(&ready, 1, 0) == 0) {
        return fail(Code::io, "cannot write: the pipe is full", name_of(fd_));
    }
    if (const int error = write_all(fd_, whole); error != 0) {
        if (before >= 0) {
            (void)::ftruncate(fd_, before);
        }
        return fail(Code::io, fmt::format("cannot write: {}", errno_text(error)), name_of(fd_));
    }
    torn_ = false;
    if (durability_ == Durability::synced && ::fdatasync(fd_) != 0) {
        return fail(Code::io, fmt::format("cannot sync: {}", errno_text(errno)), name_of(fd_));
    }
    return {};
}

} // namespace oa_stream
