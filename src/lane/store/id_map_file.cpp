#include "id_map_file.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/base/output.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_piece = 1U << 20U;
/// One block: less might still fit into the file's last block
constexpr std::size_t k_probe = 4096;

std::unexpected<Error>
io_error(std::string_view what, const std::filesystem::path& path, int error = errno) {
    return fail(Code::io, fmt::format("cannot {}: {}", what, errno_text(error)), path.string());
}

/// The lock is held on a separate file; the kernel releases it with the descriptor.
Result<OpenFile> take_lock(const std::filesystem::path& path) {
    auto name = path;
    name += ".lock";
    OpenFile file(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file.ok() || ::flock(file.get(), LOCK_EX) != 0) {
        return io_error("lock", name);
    }
    return file;
}

bool sync_folder(const std::filesystem::path& path) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const OpenFile open(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return open.ok() && ::fsync(open.get()) == 0;
}

/// Passes the bytes from `begin` to the end to `read`, piece by piece.
template <class Read>
Result<void>
read_from(int fd, std::uint64_t begin, const std::filesystem::path& path, const Read& read) {
    // NOLINTNEXTLINE(modernize-avoid-c-arrays): a vector zeroes
    const auto buffer = std::make_unique_for_overwrite<char[]>(k_piece);
    for (auto at = static_cast<off_t>(begin);;) {
        const auto got = ::pread(fd, buffer.get(), k_piece, at);
        if (got < 0) {
            return io_error("read", path);
        }
        if (got == 0) {
            return {};
        }
        OA_CHECK(read(std::string_view(buffer.get(), static_cast<std::size_t>(got))));
        at += got;
    }
}

} // namespace

OpenFile::~OpenFile() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

std::string describe_damage(const LogDamage& damage, std::uint64_t begin) {
    std::string out;
    if (damage.lines > 0) {
        out = fmt::format(
            "dropped {} ({} bytes) from byte {} on",
            counted(damage.lines, "damaged line"),
            damage.bytes,
            begin + damage.first_at
        );
    }
    if (damage.torn_bytes > 0) {
        out += out.empty() ? "dropped " : " and ";
        out += fmt::format("{} bytes of an unfinished last line", damage.torn_bytes);
    }
    return out;
}

Result<std::pair<OpenFile, std::filesystem::path>> open_draft(const std::filesystem::path& path) {
    std::filesystem::path name = path.string() + ".tmp-" + random_hex(4);
    OpenFile file(::open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
    if (!file.ok()) {
        return io_error("create", name);
    }
    return std::pair(std::move(file), std::move(name));
}

Result<void> IdMapFile::make_folder() const {
    return path_.has_parent_path() ? make_dirs(path_.parent_path()) : Result<void>{};
}

Result<void> IdMapFile::reopen() {
    OA_CHECK(make_folder());
    file_ = OpenFile(::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    end_ = 0;
    ++opened_;
    lacks_newline_ = false;
    return file_.ok() ? Result<void>{} : io_error("open", path_);
}

std::optional<std::uint64_t> IdMapFile::size_at_path() const {
    struct stat ours{};
    struct stat named{};
    const bool same = file_.ok() && ::fstat(file_.get(), &ours) == 0 &&
                      ::stat(path_.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
                      ours.st_dev == named.st_dev;
    return same ? std::optional(static_cast<std::uint64_t>(ours.st_size)) : std::nullopt;
}

/// Reads what is behind `end_`, which moves forward.
Result<ThreadLogReader> IdMapFile::read_tail(const Take& take) {
    ThreadLogReader reader(take, end_ == 0);
    OA_CHECK(read_from(file_.get(), end_, path_, [&](std::string_view bytes) -> Result<void> {
        reader.feed(bytes);
        return {};
    }));
    OA_CHECK(located(reader.finish(), path_.string()));
    end_ += reader.whole_bytes();
    lacks_newline_ = reader.lacks_newline();
    return reader;
}

Result<IdMapFile::Loaded> IdMapFile::load(const Take& take) {
    OA_TRY(const bool there, look_for(path_));
    if (!there) {
        return Loaded{};
    }
    OA_TRY(const auto lock, take_lock(path_));
    OA_CHECK(reopen());
    OA_TRY(const auto reader, read_tail(take));
    return Loaded{
        .lines = reader.lines(),
        .dropped = describe_damage(reader.damage(), 0),
        .damaged = reader.damage().lines > 0
    };
}

Result<IdMapFile::Appended> IdMapFile::append(std::string_view lines, bool durable) {
    if (!file_.ok()) {
        OA_CHECK(make_folder());
    }
    OA_TRY(const auto lock, take_lock(path_));
    const bool known = end_ > 0;
    auto& out = owed_;
    if (const auto size = size_at_path(); !size || *size < end_) {
        OA_CHECK(reopen());
        out.whole = true;
        out.foreign.clear(); // the new file contains them, too
    }
    struct stat ours{};
    if (::fstat(file_.get(), &ours) != 0) {
        return io_error("look at", path_);
    }
    out.vanished = out.vanished || (known && ours.st_size == 0);
    if (static_cast<std::uint64_t>(ours.st_size) != end_) {
        const auto begin = end_;
        OA_TRY(const auto reader, read_tail([&out](const RowView& row) {
                   std::string line;
                   append_line(line, row);
                   out.foreign.push_back(std::move(line));
               }));
        out.dropped = describe_damage(reader.damage(), begin);
    }
    OA_CHECK(lines.empty() ? prove_space() : write_lines(lines, durable));
    return std::exchange(owed_, {});
}

/// Writes under the lock. No other process is writing a line then, so an incomplete last line stays
/// incomplete and is cut off.
Result<void> IdMapFile::write_lines(std::string_view lines, bool durable) {
    std::string bytes;
    if (end_ == 0) {
        bytes = k_thread_log_header;
    } else if (lacks_newline_) {
        bytes = "\n";
    }
    const bool begins = end_ == 0;
    bytes += lines;
    if (::ftruncate(file_.get(), static_cast<off_t>(end_)) != 0) {
        return io_error("truncate", path_);
    }
    if (const int error = write_all(file_.get(), bytes); error != 0) {
        (void)::ftruncate(file_.get(), static_cast<off_t>(end_));
        return io_error("write", path_, error);
    }
    if (durable && (::fdatasync(file_.get()) != 0 || (begins && !sync_folder(path_)))) {
        auto failed = io_error("sync", path_);
        (void)::ftruncate(file_.get(), static_cast<off_t>(end_));
        return failed;
    }
    end_ += bytes.size();
    lacks_newline_ = false;
    return {};
}

Result<void> IdMapFile::prove_space() {
    const std::string block(k_probe, '\0');
    const int error = write_all(file_.get(), block);
    (void)::ftruncate(file_.get(), static_cast<off_t>(end_));
    if (error != 0) {
        return io_error("write", path_, error);
    }
    return {};
}

Result<void> IdMapFile::replace(const std::filesystem::path& draft, Place since) {
    OA_TRY(const auto lock, take_lock(path_));
    const bool other = file_.ok() && !size_at_path();
    // The open file may be the other process's already: append() may have opened it while the draft
    // was written.
    if (other || since.opened != opened_) {
        return fail(Code::conflict, "another process replaced it meanwhile", path_.string());
    }
    OpenFile next(::open(draft.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
    if (!next.ok()) {
        return io_error("open", draft);
    }
    std::string tail;
    if (file_.ok()) {
        OA_CHECK(read_from(
            file_.get(),
            since.offset,
            path_,
            [&](std::string_view bytes) -> Result<void> {
                tail += bytes;
                return {};
            }
        ));
        // No other process is writing a line: an incomplete one is dropped
        tail.resize(tail.rfind('\n') + 1);
    }
    if (const int error = write_all(next.get(), tail); error != 0) {
        return io_error("write", draft, error);
    }
    struct stat size{};
    if (::fdatasync(next.get()) != 0 || ::fstat(next.get(), &size) != 0) {
        return io_error("sync", draft);
    }
    if (::rename(draft.c_str(), path_.c_str()) != 0 || !sync_folder(path_)) {
        return io_error("replace", path_);
    }
    // Unread lines of other processes are now at the new end; they are read with the next lines.
    const auto read = std::min<std::uint64_t>(file_.ok() ? end_ - since.offset : 0, tail.size());
    end_ = static_cast<std::uint64_t>(size.st_size) - (tail.size() - read);
    ++opened_;
    lacks_newline_ = false;
    file_ = std::move(next);
    return {};
}

} // namespace oa_stream::lane
