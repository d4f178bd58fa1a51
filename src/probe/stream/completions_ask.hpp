// One chat completion or response, streamed or whole: requested, timed and judged.
#pragma once

#include "oa_stream/contract/judge.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/completions_smoke.hpp"
#include "oa_stream/probe/pacing.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
    std::string id{}, model{};
    bool usage = false; ///< usage was reported
    std::int64_t input = 0, output = 0; ///< tokens
    std::int64_t cached = 0, reasoning = 0; ///< of these
    std::optional<std::int64_t> created{}; ///< from a stream
    bool done = false;        ///< [DONE], or the event that ends a response
    std::vector<wire::completions::ToolCall> calls{};
    std::string order{}; ///< "RCFUD": role, content (once), finish, usage, [DONE]; E an error
    double tail_s = 0; ///< from the last frame to the body's end, as in ProbeSample
    PacingFacts arrivals{}; ///< of the content; the basis of `pacing`

    /// The fault in one sentence; empty when it is a complete answer that keeps the contract.
    [[nodiscard]] std::string wrong() const;
    /// The clocks as one line: "head 12 ms, first text 30 ms, end 45 ms".
    [[nodiscard]] std::string timing() const;
};

[[nodiscard]] std::string_view path_of(OpenAiApi api) noexcept;

/// Posts `body` (its member "stream" determines the form of the answer). Every ending is a
/// Completion.
[[nodiscard]] Task<Completion> ask_completion(
    net::HttpClient* client,
    Target target,
    Json body,
    ProbeLimits limits,
    OpenAiApi api = OpenAiApi::completions
);

} // namespace oa_stream::probe
