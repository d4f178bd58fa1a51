// A request as bytes: what no library sends, but edges and old clients do.
#pragma once

#include "completions_run.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::probe {

struct RawRequest {
    std::string method = "POST";
    std::string path{};
    std::string version = "1.1";
    std::vector<std::pair<std::string, std::string>> headers{};
    std::vector<std::string> pieces{}; ///< of the body, 100 ms apart
    bool expects = false; ///< the body waits for "100 Continue"
    Millis within{5000};
};

struct RawAnswer {
    int status = 0; ///< 0: none came
    net::Headers headers{};
    std::string body{}; ///< what its length says, or everything behind the head
    bool closed = false;
    bool continued = false; ///< "100 Continue" came
    bool kept = false; ///< its connection takes another request
};

/// Unset: no connection. `next` is sent behind an answer that keeps the connection, and its answer
/// returned.
[[nodiscard]] Task<std::optional<RawAnswer>>
raw_exchange(RunPtr run, RawRequest request, std::optional<RawRequest> next = std::nullopt);

} // namespace oa_stream::probe
