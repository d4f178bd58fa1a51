#include "curl_trace.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::net {

std::string trace_line(const ClientRequest& request, const ClientResponse& response) {
    const Timings& times = response.timings;
    std::string out = fmt::format(
        "{} {}: ", request.method, printable(request.url.substr(0, request.url.find('?')), 200)
    );
    out += response.status == 0 ? std::string("no answer") : fmt::format("{}", response.status);
    out += fmt::format(" in {}", seconds_text(std::max(times.end_s, 0.0)));
    if (times.connected_s >= 0 && times.head_s >= 0) {
        out += fmt::format(
            " (connected {}, head {})", seconds_text(times.connected_s), seconds_text(times.head_s)
        );
    }
    if (response.failure != TransferFailure::none) {
        out += fmt::format(", {}", to_string(response.failure));
    }
    return out;
}

} // namespace oa_stream::net
