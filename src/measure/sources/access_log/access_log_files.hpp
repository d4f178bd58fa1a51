// The files of one log: the current one and the rotated ones. Files are identified by how they
// begin, so that renaming, copying or compressing does not make a line count twice.
#pragma once

#include "oa_stream/base/decompress.hpp"
#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

struct LogFile {
    std::filesystem::path path{};
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    double changed_s = 0; ///< seconds since 1970
    bool current = false; ///< the file being written
    friend bool operator==(const LogFile&, const LogFile&) = default;
};

struct LogFiles {
    std::vector<LogFile> files{};
    std::string unlisted{}; ///< why rotated files were not searched: the folder cannot be listed
};
/// `path` and, with `rotated`, FILE.1, FILE.2.gz, FILE-20261120.zst and similar files next to it;
/// oldest first, the current one last. Leaves out files last changed before `since_s`.
/// Code::unreadable when there is neither a current nor a rotated file.
[[nodiscard]] Result<LogFiles>
log_files(const std::filesystem::path& path, bool rotated, double since_s);

/// Reads one file in pieces, compressed or not.
class LogReader {
public:
    /// Code::unreadable; Code::protocol for compressed input whose header is damaged.
    [[nodiscard]] static Result<std::unique_ptr<LogReader>>
    open(const std::filesystem::path& path, std::uint64_t unpacked_bytes);
    LogReader() = default;
    LogReader(const LogReader&) = delete;
    LogReader& operator=(const LogReader&) = delete;
    virtual ~LogReader() = default;

    /// Identity of the log in the file: a digest of everything up to its first access line, which
    /// contains a time and a request id. Empty while the file has no access line.
    [[nodiscard]] virtual Result<std::string> identity() = 0;
    /// At most 128 KiB, valid until the next call; empty at the end (of a plain file: the present
    /// end). Errors as Decompressor::next().
    [[nodiscard]] virtual Result<std::string_view> next() = 0;
    /// Position of next(), in bytes of (unpacked) log. A packed file only moves forwards, by
    /// reading.
    [[nodiscard]] virtual std::uint64_t offset() const noexcept = 0;
    virtual void seek(std::uint64_t offset) noexcept = 0;
    [[nodiscard]] virtual bool packed() const noexcept = 0;
};

} // namespace oa_stream::measure
