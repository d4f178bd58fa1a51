// How a turn with approvals is shown to a page that does not support them: AI SDK 5 refuses the
// chunk. Its stream is one answer, as if no approval had been asked, whichever client decides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// Bytes of a log that a reader does not receive.
struct LogGap {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    /// Complete frames to send in place of them; null: none
    std::shared_ptr<const std::string> instead{};
};

class UnaskedView {
public:
    /// Takes each frame of the turn, in order. `at`: where it begins in the log.
    void hear(std::string_view frame, std::uint64_t at);
    /// In the order of the log; they do not touch each other.
    [[nodiscard]] const std::vector<LogGap>& gaps() const noexcept { return gaps_; }
    /// Where an answer that needs a decision ended, while the next one has not begun.
    [[nodiscard]] std::optional<std::uint64_t> paused() const noexcept { return paused_; }

private:
    std::vector<LogGap> gaps_{};
    std::uint64_t step_end_ = 0; ///< of the last finish-step
    std::optional<std::uint64_t> paused_{};
    /// Behind the start frame of an answer that continues the previous one
    std::uint64_t began_ = 0;
};

} // namespace oa_stream::lane
