// How long a body stays open after the frame that ends its stream. Clients wait for the body's end:
// until then a page shows the answer as running and accepts no next message.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/probe/stall_meter.hpp"

#include <optional>
#include <string>

namespace oa_stream::probe {

/// Seconds. A lost packet is retransmitted in less time.
inline constexpr double k_longest_tail = 1.0;

class BodyTail {
public:
    explicit BodyTail(asio::any_io_executor executor);

    /// Call after each piece of the body, with whether the last frame has been read.
    void saw(bool last_frame, Clock::time_point at);
    /// Seconds from the last frame until now, without time in which this process was stalled; 0
    /// when no last frame was read.
    [[nodiscard]] double seconds_to_end() const;

private:
    asio::any_io_executor executor_;
    Clock::time_point since_{};
    std::optional<StallMeter> stalls_{}; ///< from the last frame on
};

/// One sentence.
[[nodiscard]] std::string late_end_text(double tail_s);

} // namespace oa_stream::probe
