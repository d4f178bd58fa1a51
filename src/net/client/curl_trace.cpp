#include "curl_trace.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::net {

namespace {

std::string millis(double seconds) {
    return fmt::format("{:.0f} ms", std::max(seconds, 0.0) * 1000);
}

} // namespace

std::string trace_line(const ClientRequest& request, const ClientResponse& response) {
    const Timings& times = response.timings;
    std::string out = fmt::format(
        "{} {}: ", request.method, printable(request.url.substr(0, request.url.find('?')), 200)
    );
    out += response.status == 0 ? std::string("no answer") : fmt::format("{}", response.status);
    out += fmt::format(" in {}", millis(times.end_s));
    if (times.connected_s >= 0 && times.head_s >= 0) {
        out += fmt::format(
            " (connected {}, head {})", millis(times.connected_s), millis(times.head_s)
        );
    }
    if (response.failure != TransferFailure::none) {
        out += fmt::format(", {}", to_string(response.failure));
    }
    return out;
}

} // namespace oa_stream::net
