// What a lane reports of its turns from its start.
#pragma once

#include "oa_stream/base/lines.hpp"
#include "oa_stream/lane/metrics.hpp"

#include <string>
#include <string_view>

namespace oa_stream::cli::test {

/// `text` and, at 0, the requests, ends and times of a lane that it does not have.
inline std::string with_the_rest(std::string text) {
    const std::string all = lane::Metrics("r1", "1").text();
    for (std::string_view left = all; !left.empty();) {
        const std::string line(cut_line(left));
        const std::string series = line.substr(0, line.rfind(' ') + 1);
        const bool counts = line.starts_with("oa_stream_http_requests_total{") ||
                            line.starts_with("oa_stream_terminal_total{") ||
                            line.starts_with("oa_stream_terminal_5xx_total{") ||
                            line.starts_with("oa_stream_first_content_seconds_bucket{");
        if (counts && !text.contains(series)) {
            text += series + "0\n";
        }
    }
    return text;
}

} // namespace oa_stream::cli::test
