// Writes what codex said of one turn as a capture that read_capture() reads back.
#pragma once

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/task.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::authority {

/// What must not stand in a recording: secrets by the redaction table, folders of this machine.
struct CaptureScrub {
    Redactor redactor{};
    std::vector<std::pair<std::string, std::string>> folders{}; ///< longest first: what → instead
    [[nodiscard]] std::string apply(std::string line) const;
};

class CaptureRecorder {
public:
    /// Begins <directory>/<UTC>-<turn>.jsonl. Errors: Code::io.
    [[nodiscard]] static Result<std::unique_ptr<CaptureRecorder>>
    begin(const std::filesystem::path& directory, const std::string& turn, CaptureScrub scrub);

    /// `dir`: "c2s", "s2c" or "note". A failed write ends the recording silently: it must never
    /// harm the turn.
    void write(std::string_view dir, const Json& message);

private:
    CaptureRecorder(LineAppender file, CaptureScrub scrub)
        : file_(std::move(file)), scrub_(std::move(scrub)) {}

    std::optional<LineAppender> file_;
    CaptureScrub scrub_;
    Clock::time_point began_ = Clock::now();
};

} // namespace oa_stream::authority
