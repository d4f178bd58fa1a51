#include "command_minute.hpp"

#include <algorithm>

namespace oa_stream::authority {
namespace {

constexpr std::chrono::minutes k_minute{1};
constexpr std::size_t k_share_of_stops = 10;

std::size_t beyond(std::size_t used, std::size_t most) noexcept {
    return used > most ? used - most : 0;
}

} // namespace

CommandMinute::Kind CommandMinute::kind_of(std::string_view method) noexcept {
    if (method == "turn/interrupt") {
        return Kind::stop;
    }
    return method == "thread/read" || method == "thread/list" ? Kind::read : Kind::act;
}

std::optional<std::chrono::seconds>
CommandMinute::wait_for(std::size_t commands, Kind kind, Clock::time_point now) {
    while (!sent_.empty() && now - sent_.front().at >= k_minute) {
        sent_.pop_front();
    }
    if (kind == Kind::stop) {
        return std::nullopt;
    }
    // So many of the oldest commands, and of the oldest reads, have to be over first.
    auto all = beyond(
        sent_.size() + static_cast<std::size_t>(reserved_) + commands,
        most_ - (most_ / k_share_of_stops)
    );
    std::size_t reads = 0;
    if (kind == Kind::read) {
        const auto sent = std::ranges::count(sent_, Kind::read, &Sent::kind);
        reads =
            beyond(static_cast<std::size_t>(sent) + commands, std::max<std::size_t>(most_ / 2, 1));
    }
    if (all == 0 && reads == 0) {
        return std::nullopt;
    }
    auto last = now;
    for (const Sent& one : sent_) {
        if (all == 0 && reads == 0) {
            break;
        }
        last = one.at;
        all -= all > 0 ? 1 : 0;
        reads -= reads > 0 && one.kind == Kind::read ? 1 : 0;
    }
    return std::chrono::ceil<std::chrono::seconds>(k_minute - (now - last));
}

} // namespace oa_stream::authority
