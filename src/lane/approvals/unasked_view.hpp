// A turn with approvals as a page is told it that does not know them: AI SDK 5 refuses the chunk.
// Its stream is one, whoever decides meanwhile, as if nobody had been asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// Bytes of a log that a reader is not told.
struct LogGap {
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::shared_ptr<const std::string> instead{}; ///< whole frames; null: nothing
};

class UnaskedView {
public:
    /// Each frame of the turn in its order; `at`: where it begins in the log.
    void hear(std::string_view frame, std::uint64_t at);
    /// In their order; they lie apart.
    [[nodiscard]] const std::vector<LogGap>& gaps() const noexcept { return gaps_; }
    /// Where an answer has ended with a question and the next one has not begun.
    [[nodiscard]] std::optional<std::uint64_t> paused() const noexcept { return paused_; }

private:
    std::vector<LogGap> gaps_{};
    std::uint64_t step_end_ = 0; ///< of the last finish-step
    std::optional<std::uint64_t> paused_{};
    std::uint64_t began_ = 0; ///< behind the start of an answer that goes on with the one before
};

} // namespace oa_stream::lane
