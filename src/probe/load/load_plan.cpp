// When each request of an open loop is due.
#include "oa_stream/probe/load.hpp"

#include <cmath>
#include <utility>

namespace oa_stream::probe {

// While the rate r rises over R, r·t²/2R requests are due by t; after it, r·R/2 more than r·(t −
// R).
double ArrivalPlan::at(std::uint64_t index) const noexcept {
    const auto i = static_cast<double>(index);
    const double rising = per_second * ramp_s / 2;
    if (i < rising) {
        return std::sqrt(2 * ramp_s * i / per_second);
    }
    return ramp_s + (i - rising) / per_second;
}

std::uint64_t ArrivalPlan::total() const noexcept {
    constexpr double k_rounding = 1e-6;
    const double sum = per_second * (ramp_s / 2 + duration_s);
    return static_cast<std::uint64_t>(std::ceil(sum - k_rounding));
}

std::string_view to_string(Reader reader) noexcept {
    switch (reader) {
    case Reader::plain:
        return "plain";
    case Reader::slow:
        return "slow";
    case Reader::leaving:
        return "leaving";
    }
    std::unreachable();
}

std::string_view to_string(LoadClock clock) noexcept {
    switch (clock) {
    case LoadClock::connect:
        return "connect";
    case LoadClock::head:
        return "head";
    case LoadClock::first_byte:
        return "first_byte";
    case LoadClock::first_event:
        return "first_event";
    case LoadClock::first_content:
        return "first_content";
    case LoadClock::end:
        return "end";
    }
    std::unreachable();
}

} // namespace oa_stream::probe
