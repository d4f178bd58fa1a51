#include "body_tail.hpp"

#include "oa_stream/base/seconds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::probe {

BodyTail::BodyTail(asio::any_io_executor executor) : executor_(std::move(executor)) {
}

void BodyTail::saw(bool last_frame, Clock::time_point at) {
    if (last_frame && !stalls_) {
        since_ = at;
        stalls_.emplace(executor_);
    }
}

double BodyTail::seconds_to_end() const {
    if (!stalls_) {
        return 0;
    }
    const auto now = Clock::now();
    return std::max(0.0, seconds(now - since_) - stalls_->stalled_s(since_, now));
}

std::string late_end_text(double tail_s) {
    return fmt::format(
        "the body ended {} after the last frame, and clients wait for its end",
        seconds_text(tail_s, k_longest_tail)
    );
}

} // namespace oa_stream::probe
