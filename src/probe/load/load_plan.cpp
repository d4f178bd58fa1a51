// When each request of an open loop is due.
#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/probe/load.hpp"

#include <array>
#include <cmath>

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
    static constexpr std::array<std::string_view, 3> k_words{"plain", "slow", "leaving"};
    return enum_word<Reader::leaving>(k_words, reader);
}

std::string_view to_string(LoadClock clock) noexcept {
    static constexpr std::array<std::string_view, 6> k_words{
        "connect", "head", "first_byte", "first_event", "first_content", "end"
    };
    return enum_word<LoadClock::end>(k_words, clock);
}

} // namespace oa_stream::probe
