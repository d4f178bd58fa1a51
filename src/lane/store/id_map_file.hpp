// The id map's file on disk. One writer thread appends; several processes may append to the same
// file, each under a lock, and read each other's lines.
#pragma once

#include "oa_stream/base/error.hpp"

#include "thread_log.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::lane {

class OpenFile {
public:
    OpenFile() = default;
    explicit OpenFile(int fd) : fd_(fd) {}
    OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    OpenFile& operator=(OpenFile&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile();
    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] bool ok() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

class IdMapFile {
public:
    using Take = ThreadLogReader::Take;

    explicit IdMapFile(std::filesystem::path path) : path_(std::move(path)) {}
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// What was found beside complete lines, as one line for the log; empty: nothing.
    struct Loaded {
        std::uint64_t lines = 0;
        std::string dropped{};
        bool damaged = false; ///< in the middle, not only at the end
    };
    /// Reads the file; a missing file is an empty map. Code::config when it is not an id map.
    [[nodiscard]] Result<Loaded> load(const Take& take);

    struct Appended {
        std::vector<std::string> foreign{
        }; ///< lines of other processes, each complete with its newline
        std::string dropped{}; ///< as Loaded::dropped
        bool whole = false; ///< the file was replaced: `foreign` begins with its first line
        bool vanished = false; ///< the file was missing, with all earlier lines: write them again
    };
    /// Appends complete lines; none of them if it fails. `durable`: they are on disk on return.
    /// Without lines it only checks that the disk accepts writes.
    [[nodiscard]] Result<Appended> append(std::string_view lines, bool durable);

    /// The place behind the last known line of the open file.
    struct Place {
        std::uint64_t offset = 0;
        std::uint64_t opened = 0; ///< counts opened files: an offset is valid only in its own file
    };
    [[nodiscard]] Place place() const noexcept { return {end_, opened_}; }
    /// Replaces the file by a draft with all rows, followed by the lines behind `since`.
    /// Code::conflict when another process has replaced the file since: try again later.
    [[nodiscard]] Result<void> replace(const std::filesystem::path& draft, Place since);

private:
    [[nodiscard]] Result<void> make_folder() const;
    [[nodiscard]] Result<void> reopen();
    /// Size of the open file; nullopt: none is open, or the path leads to another file by now.
    [[nodiscard]] std::optional<std::uint64_t> size_at_path() const;
    [[nodiscard]] Result<ThreadLogReader> read_tail(const Take& take);
    [[nodiscard]] Result<void> write_lines(std::string_view lines, bool durable);
    [[nodiscard]] Result<void> prove_space();

    std::filesystem::path path_;
    OpenFile file_{};
    std::uint64_t end_ = 0; ///< behind the last complete line that was read or written
    std::uint64_t opened_ = 0;
    bool lacks_newline_ = false;
    Appended owed_{}; ///< what a failed append() had found; the next one reports it
};

/// "dropped 2 damaged lines (310 bytes) from byte 4711, …"; empty for no damage.
[[nodiscard]] std::string describe_damage(const LogDamage& damage, std::uint64_t begin);

/// A new private file for a draft beside `path`, and its name.
[[nodiscard]] Result<std::pair<OpenFile, std::filesystem::path>>
open_draft(const std::filesystem::path& path);

} // namespace oa_stream::lane
