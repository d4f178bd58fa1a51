// The access log: one line a request. Never prompt or output text, never tokens. From its lines
// alone every indicator that /metrics feeds can be computed: docs/observability.md.
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

/// In place of so many lines that could not be written, as on a full disk.
[[nodiscard]] std::string
lost_line(std::uint64_t lines, WallTime now, LogFormat format = LogFormat::json);

/// The first 12 hex digits of a digest: separates owners without naming them. Empty for nobody.
[[nodiscard]] std::string owner_hash(std::string_view owner);

/// The log as a file, or without one as standard error, which may not take a line: its disk is
/// full, its reader stands still.
class AccessFile {
public:
    explicit AccessFile(LogFormat format) noexcept : format_(format) {}
    AccessFile(const AccessFile&) = delete;
    AccessFile& operator=(const AccessFile&) = delete;
    /// Tries once more to tell of lost lines.
    ~AccessFile();

    /// Also instead of the file that is open, which stays open when this one cannot be.
    [[nodiscard]] Result<void> open(const std::filesystem::path& file);
    [[nodiscard]] bool is_open() const noexcept { return file_.has_value(); }

    /// A line that cannot be written is lost. The next one that can is preceded by one that tells
    /// how many are, so that who counts requests does not take them for none.
    [[nodiscard]] Result<void> append(std::string_view line);

private:
    [[nodiscard]] std::string lost_line() const;
    [[nodiscard]] Result<void> put(const std::string& text);

    LogFormat format_;
    std::optional<LineAppender> file_{};
    std::uint64_t lost_ = 0;
};

} // namespace oa_stream::lane
