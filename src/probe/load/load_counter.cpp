// The target's own count of the requests it answered, from its /metrics.
#include "oa_stream/base/text.hpp"
#include "oa_stream/probe/load.hpp"

#include <fmt/format.h>

#include <charconv>

namespace oa_stream::probe {

std::optional<std::uint64_t> requests_counted(std::string_view exposition, std::string_view path) {
    constexpr std::string_view k_family = "oa_stream_http_requests_total{";
    const std::string route = fmt::format("route=\"{}\"", path);
    std::optional<std::uint64_t> sum;
    while (!exposition.empty()) {
        const std::size_t end = std::min(exposition.find('\n'), exposition.size());
        const std::string_view line = exposition.substr(0, end);
        exposition.remove_prefix(std::min(end + 1, exposition.size()));
        if (!line.starts_with(k_family)) {
            continue;
        }
        sum = sum.value_or(0);
        if (line.find(route) == std::string_view::npos ||
            line.find("method=\"POST\"") == std::string_view::npos) {
            continue;
        }
        const std::string_view number = trim(line.substr(line.rfind('}') + 1));
        std::uint64_t value = 0;
        if (std::from_chars(number.data(), number.data() + number.size(), value).ec ==
            std::errc()) {
            *sum += value;
        }
    }
    return sum;
}

} // namespace oa_stream::probe
