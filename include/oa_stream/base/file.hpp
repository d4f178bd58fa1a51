// Files: whole reads with a cap, atomic writes, and a durable line appender.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace oa_stream {

/// Whether there is a file or folder of this name. False where it cannot be looked up.
[[nodiscard]] inline bool is_there(const std::filesystem::path& path) noexcept {
    std::error_code unknown;
    return std::filesystem::exists(path, unknown);
}

/// The same. Code::io where it cannot be looked up: permissions, a disk error, links in a circle.
[[nodiscard]] Result<bool> look_for(const std::filesystem::path& path);

/// Whole file. Code::unreadable when it cannot be read or has more than `limit` bytes.
[[nodiscard]] Result<std::string>
read_file(const std::filesystem::path& path, std::uint64_t limit = 64U << 20U);

/// Writes a temporary beside `path`, fsyncs, renames, fsyncs the folder: readers see old or new.
/// A symbolic link stays and its target is replaced; a device or pipe takes the bytes as they are.
[[nodiscard]] Result<void>
write_file_atomic(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

/// The same for a file that must not be there yet: of two writers one wins. Code::conflict for the
/// other.
[[nodiscard]] Result<void>
write_file_once(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

/// mkdir -p.
[[nodiscard]] Result<void> make_dirs(const std::filesystem::path& path);

/// Appends whole lines to one file, opened once with O_APPEND and close-on-exec. A last line that a
/// crash has torn stays a line of its own.
class LineAppender {
public:
    enum class Durability {
        buffered, ///< survives a crash of the process
        /// fdatasync before append() returns: survives a crash of the machine. A file that was
        /// removed meanwhile survives nothing: Code::io.
        synced,
    };
    [[nodiscard]] static Result<LineAppender>
    open(const std::filesystem::path& path, Durability durability);
    LineAppender(LineAppender&& other) noexcept;
    LineAppender& operator=(LineAppender&& other) noexcept;
    LineAppender(const LineAppender&) = delete;
    LineAppender& operator=(const LineAppender&) = delete;
    ~LineAppender();

    /// Writes `line` and one '\n' with one write call. `line` must not contain '\n'. What a full
    /// disk let through of it is taken back, so that the next line begins on its own.
    [[nodiscard]] Result<void> append(std::string_view line);
    /// Where the last line that was appended here ends, whoever else appends to the file.
    [[nodiscard]] std::uint64_t end() const;

private:
    LineAppender(int fd, Durability durability, bool torn)
        : fd_(fd), durability_(durability), torn_(torn) {}
    int fd_ = -1;
    Durability durability_ = Durability::buffered;
    bool torn_ = false; ///< the file has a last line without an end, which the next line ends
};

} // namespace oa_stream
