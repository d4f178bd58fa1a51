// Requests as raw bytes that no library sends, but edges and old clients do.
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
    int status = 0; ///< 0: no answer
    net::Headers headers{};
    std::string body{}; ///< as long as its length header says, or everything after the head
    bool closed = false;
    bool continued = false; ///< "100 Continue" was received
    bool kept = false; ///< the connection accepts another request
};

/// Unset: no connection. `next` is sent after an answer that keeps the connection, and its answer
/// is returned.
[[nodiscard]] Task<std::optional<RawAnswer>>
raw_exchange(RunPtr run, RawRequest request, std::optional<RawRequest> next = std::nullopt);

} // namespace oa_stream::probe
