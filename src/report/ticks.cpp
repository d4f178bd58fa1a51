#include "plot.hpp"

#include <fmt/format.h>

#include <cmath>

namespace oa_stream::report {

std::string number(double value) {
    constexpr double k_exponents = 9999.5; // from here on {:.4g} would write 1e+04
    return std::abs(value) < k_exponents ? fmt::format("{:.4g}", value)
                                         : fmt::format("{:.0f}", value);
}

std::vector<double> ticks_up_to(double most, int count) {
    const bool drawn = most > 0 && std::isnormal(most / count); // below that steps become 0
    const double wanted = drawn ? most / count : 0.25;
    const double ten = std::pow(10, std::floor(std::log10(wanted)));
    double step = 10 * ten;
    for (const double round : {1.0, 2.0, 2.5, 5.0}) {
        if (wanted <= round * ten * 1.0001) {
            step = round * ten;
            break;
        }
    }
    std::vector<double> out{0};
    const double end = drawn ? most : 1;
    while (out.back() < end * 0.9999) {
        out.push_back(step * static_cast<double>(out.size()));
    }
    return out;
}

} // namespace oa_stream::report
