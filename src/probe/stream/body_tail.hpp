// How long a body stays open after the frame that ends its stream. Clients wait for the body's end:
// until then a page shows the answer as running, and its reader takes no next message.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/probe/stall_meter.hpp"

#include <optional>
#include <string>

namespace oa_stream::probe {

/// Seconds. A lost packet is sent again in less.
inline constexpr double k_longest_tail = 1.0;

class BodyTail {
public:
    explicit BodyTail(asio::any_io_executor executor);

    /// After each piece of the body: whether the last frame was read by now.
    void saw(bool last_frame, Clock::time_point at);
    /// Seconds from the last frame to now, without those in which this process stood still; 0 when
    /// no last frame was read.
    [[nodiscard]] double seconds_to_end() const;

private:
    asio::any_io_executor executor_;
    Clock::time_point since_{};
    std::optional<StallMeter> stalls_{}; ///< from the last frame on
};

/// One sentence.
[[nodiscard]] std::string late_end_text(double tail_s);

} // namespace oa_stream::probe
