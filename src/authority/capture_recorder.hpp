// Writes what codex said of one turn as a capture that read_capture() reads back.
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

/// What must not stand in a recording: secrets by the redaction table, folders of this machine.
struct CaptureScrub {
    Redactor redactor{};
    std::vector<std::pair<std::string, std::string>> folders{}; ///< longest first: what → instead
    [[nodiscard]] std::string apply(std::string line) const;
};

class CaptureRecorder {
public:
    /// Begins <directory>/<UTC>-<turn>.jsonl, readable by its owner alone, and removes the oldest
    /// captures of the folder while all of them have more than `most_bytes`. Until the turn has
    /// ended the file's name ends in .part. Errors: Code::io.
    [[nodiscard]] static Result<std::unique_ptr<CaptureRecorder>> begin(
        const std::filesystem::path& directory,
        const std::string& turn,
        CaptureScrub scrub,
        std::uint64_t most_bytes
    );
    CaptureRecorder(const CaptureRecorder&) = delete;
    CaptureRecorder& operator=(const CaptureRecorder&) = delete;
    /// A turn that never ended is a capture, too: its authority died.
    ~CaptureRecorder();

    /// `dir`: "c2s", "s2c" or "note". A write that fails or is one too many ends the recording
    /// silently, and its file is removed: it must never harm the turn.
    void write(std::string_view dir, const Json& message);

private:
    CaptureRecorder(
        LineAppender file, std::filesystem::path path, CaptureScrub scrub, std::uint64_t most_bytes
    )
        : file_(std::move(file)), path_(std::move(path)), scrub_(std::move(scrub)),
          left_(most_bytes) {}
    void publish();
    /// Blanks secrets that came in pieces: each line alone is harmless.
    [[nodiscard]] bool blank_pieces() const;
    void give_up();

    std::optional<LineAppender> file_;
    std::filesystem::path path_; ///< with .part until it is published
    CaptureScrub scrub_;
    std::uint64_t left_; ///< bytes that this turn may still take
    bool published_ = false;
    Clock::time_point began_ = Clock::now();
};

} // namespace oa_stream::authority
