// The access log: one line per request. It never holds prompts, output text or tokens. Every
// indicator that /metrics feeds can be computed from these lines alone: docs/observability.md.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/lane/records.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// Times are milliseconds after `ts`; members that do not apply are left out.
[[nodiscard]] std::string access_line(
    const RequestRecord& record, std::string_view revision, LogFormat format = LogFormat::json
);

/// Stands in for `lines` lines that could not be written, for example because the disk was full.
[[nodiscard]] std::string
lost_line(std::uint64_t lines, WallTime now, LogFormat format = LogFormat::json);

/// The first 12 hex digits of the owner's digest: separates owners without naming them. Empty when
/// `owner` is empty.
[[nodiscard]] std::string owner_hash(std::string_view owner);

/// Writes the log to a file or, without one, to standard error. A write can fail: the disk is full,
/// or the reader of standard error does not read.
class AccessFile {
public:
    explicit AccessFile(LogFormat format) noexcept : format_(format) {}
    AccessFile(const AccessFile&) = delete;
    AccessFile& operator=(const AccessFile&) = delete;
    /// Tries once more to report lost lines.
    ~AccessFile();

    /// Opens `file`, also in place of a file that is open already. If that fails, the old file
    /// stays open.
    [[nodiscard]] Result<void> open(const std::filesystem::path& file);
    [[nodiscard]] bool is_open() const noexcept { return file_.has_value(); }

    /// A line that cannot be written is lost. The next line that can be written is preceded by one
    /// with the number of lost lines, so that a count of requests can include them.
    [[nodiscard]] Result<void> append(std::string_view line);

private:
    [[nodiscard]] std::string lost_line() const;
    [[nodiscard]] Result<void> put(const std::string& text);

    LogFormat format_;
    std::optional<LineAppender> file_{};
    std::uint64_t lost_ = 0;
};

} // namespace oa_stream::lane
