// The target's own count of the requests it answered, from its /metrics.
#include "oa_stream/measure/exposition.hpp"
#include "oa_stream/measure/lane_numbers.hpp"
#include "oa_stream/probe/load.hpp"

#include <cmath>

namespace oa_stream::probe {

std::optional<std::uint64_t> requests_counted(std::string_view exposition, std::string_view path) {
    const auto series = measure::parse_exposition(exposition);
    const telemetry::Term all{&telemetry::metric("http_requests_total")};
    if (!series || !measure::sum_of(*series, all)) {
        return std::nullopt;
    }
    const std::vector<std::string> routes{std::string(path)};
    const double count = measure::sum_of(*series, telemetry::requests_term(routes)).value_or(0);
    return static_cast<std::uint64_t>(std::llround(count));
}

} // namespace oa_stream::probe
