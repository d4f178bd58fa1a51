// Records the messages of one codex turn as a capture that read_capture() can read.
#pragma once

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/task.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::authority {

/// Removed from recordings: secrets (by the redaction table) and local folder names.
struct CaptureScrub {
    Redactor redactor{};
    /// longest first: folder → replacement
    std::vector<std::pair<std::string, std::string>> folders{};
    [[nodiscard]] std::string apply(std::string line) const;
};

class CaptureRecorder {
public:
    /// Starts <directory>/<UTC>-<turn>.jsonl, readable by its owner only. Removes the oldest
    /// captures of the folder while together they exceed `most_bytes`. The name ends in .part until
    /// the turn has ended. Errors: Code::io.
    [[nodiscard]] static Result<std::unique_ptr<CaptureRecorder>> begin(
        const std::filesystem::path& directory,
        const std::string& turn,
        CaptureScrub scrub,
        std::uint64_t most_bytes
    );
    CaptureRecorder(const CaptureRecorder&) = delete;
    CaptureRecorder& operator=(const CaptureRecorder&) = delete;
    /// Publishes an unfinished turn too: its authority died.
    ~CaptureRecorder();

    /// `dir`: "c2s", "s2c" or "note". A failed write or one beyond the limit ends the recording
    /// silently and removes its file, because recording must never harm the turn.
    void write(std::string_view dir, const Json& message);

private:
    CaptureRecorder(
        LineAppender file, std::filesystem::path path, CaptureScrub scrub, std::uint64_t most_bytes
    )
        : file_(std::move(file)), path_(std::move(path)), scrub_(std::move(scrub)),
          left_(most_bytes) {}
    void publish();
    /// Blanks secrets that are split over several lines.
    [[nodiscard]] bool blank_pieces() const;
    void give_up();

    std::optional<LineAppender> file_;
    std::filesystem::path path_; ///< with .part until it is published
    CaptureScrub scrub_;
    std::uint64_t left_; ///< bytes left for this turn
    bool published_ = false;
    Clock::time_point began_ = Clock::now();
};

} // namespace oa_stream::authority
