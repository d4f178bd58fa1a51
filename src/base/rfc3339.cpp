#include "oa_stream/base/rfc3339.hpp"

#include <ctime>
#include <string>

namespace oa_stream {

std::optional<WallTime> parse_rfc3339(std::string_view text) {
    const std::string whole(text);
    std::tm parts{};
    const char* rest = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr || !text.ends_with('Z')) {
        return std::nullopt;
    }
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

} // namespace oa_stream
