// Classifies a finished answer into one outcome.
#pragma once

#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::probe {

struct AnswerFacts {
    net::TransferFailure failure = net::TransferFailure::none;
    int status = 0;                 ///< 0: no head arrived
    bool stopped = false;           ///< the probe itself ended the reading
    bool event_stream = false;      ///< media type is text/event-stream
    bool headers_complete = false; ///< the stream's other required headers are present
    std::uint64_t bytes = 0;        ///< of the body
    bool any_frame = false;         ///< at least one event or comment was read
    bool done = false;              ///< [DONE] was read
    bool terminal = false;          ///< finish, error or abort was read
    bool malformed = false; ///< bytes that no client can read (rules S1, S3, S5, J1, W1, W2)
    bool broken_before_done = false; ///< a must rule was broken before [DONE], or by its absence
    bool broken_after_done = false; ///< something follows [DONE]
    bool failed_turn = false; ///< error or abort chunk, or a final status that is not completed
    std::uint64_t content_frames = 0;
    bool buffered = false;
    bool late_end = false; ///< the body stayed open after [DONE]
};

struct OutcomeRule {
    Outcome outcome;
    std::string_view when; ///< for display
    bool (*holds)(const AnswerFacts&);
};

/// The content-type is `type`, ignoring parameters and case.
[[nodiscard]] bool has_media_type(const net::Headers& headers, std::string_view type);

/// In order of precedence: earlier rows hide later ones. The last one always holds.
[[nodiscard]] std::span<const OutcomeRule> outcome_rules() noexcept;
[[nodiscard]] Outcome classify(const AnswerFacts& facts) noexcept;

/// Not reached, or not possible to try: the target proved nothing, so a check is ERROR, not FAIL.
[[nodiscard]] bool is_unreachable(Outcome outcome) noexcept;

} // namespace oa_stream::probe
