// A client that reads a kilobyte a second through a small socket buffer, so that the lane and not
// the kernel has to live with it.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http.hpp"

#include <string>

namespace oa_stream::churn {

struct SlowAnswer {
    int status = 0;
    std::string text;   ///< of the message, as far as it came
    bool whole = false; ///< with its proper end
    bool cut = false;   ///< the lane ended the connection before that
};

/// Reads until the answer's end, but not past `until`.
[[nodiscard]] Task<SlowAnswer>
read_slowly(net::Endpoint lane, std::string path, std::string body, Clock::time_point until);

} // namespace oa_stream::churn
