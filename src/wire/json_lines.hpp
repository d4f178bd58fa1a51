// JSON lines: bytes cut anywhere → whole lines. Only 0x0A separates; everything else, CR and
// U+2028 included, belongs to the line.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace oa_stream::wire {

class LineReader {
public:
    using Sink = std::function<void(std::string_view line)>;

    /// `cap`: longest line in bytes, its LF not counted.
    explicit LineReader(std::size_t cap) : cap_(cap) {}

    /// Hands every line completed by `bytes` to `sink`, without its LF, empty lines too. The view
    /// is valid during the call only. A line longer than the cap is dropped up to its LF and the
    /// lines after it are delivered; Code::too_large (naming its offset) is returned once for each
    /// feed in which a line crossed the cap.
    [[nodiscard]] Result<void> feed(std::string_view bytes, const Sink& sink);

    /// What stands behind the last LF: at the end of input, a line cut short.
    [[nodiscard]] std::string_view rest() const noexcept { return rest_; }
    /// Lines dropped so far.
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }

private:
    std::size_t cap_;
    std::string rest_;
    std::uint64_t offset_ = 0; ///< bytes taken so far
    std::uint64_t line_start_ = 0; ///< where the unfinished line began
    std::uint64_t dropped_ = 0;
    bool dropping_ = false;
};

} // namespace oa_stream::wire
