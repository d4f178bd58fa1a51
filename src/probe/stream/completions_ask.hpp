// One chat completion, streamed or whole: asked, timed and judged.
#pragma once

#include "oa_stream/contract/judge.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/pacing.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <optional>
#include <string>

namespace oa_stream::probe {

struct Completion {
    bool streamed = false;
    net::ClientResponse response{}; ///< body included
    contract::Judgement judgement{};
    Clocks clocks{};
    PacingVerdict pacing{};
    std::string text{};
    std::string finish{};
    std::string error_code{}; ///< of an error object, in the stream or instead of it
    bool usage = false;       ///< counts were told
    bool done = false;        ///< [DONE] was read
    std::string order{}; ///< "RCFUD": role, content (once), finish, usage, [DONE]; E an error

    /// One sentence; empty when it is a complete answer that keeps the contract.
    [[nodiscard]] std::string wrong() const;
    /// The clocks as one line: "head 12 ms, first text 30 ms, end 45 ms".
    [[nodiscard]] std::string timing() const;
};

/// Posts `body` (its member "stream" says how the answer comes). Every ending is a Completion.
[[nodiscard]] Task<Completion>
ask_completion(net::HttpClient* client, Target target, Json body, ProbeLimits limits);

} // namespace oa_stream::probe
