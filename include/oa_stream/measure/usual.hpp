// Defaults of objectives, each as a number and as the text that options show.
#pragma once

#include "oa_stream/measure/fraction.hpp"

#include <cstdint>
#include <string_view>

namespace oa_stream::measure::usual {

template <class Number> struct Value {
    Number number;
    std::string_view text;
};

inline constexpr Value<Fraction> k_objective{{999, 1000}, "99.9%"}; ///< share of good requests
inline constexpr Value<double> k_window_s{30.0 * 86'400, "30d"};    ///< of the budget
inline constexpr Value<double> k_first_content_s{2.5, "2.5s"}; ///< upper limit of the p95
/// Event floor: with fewer bad requests, or fewer in total, nothing burns and no ratio alerts.
inline constexpr Value<std::uint64_t> k_least_bad{5, "5"};
inline constexpr Value<std::uint64_t> k_least_total{20, "20"};

} // namespace oa_stream::measure::usual
