// The table of endings, in order of precedence. An earlier row hides later ones, because it is
// nearer to the cause (a refused connection also has no [DONE]) or worse for a user (a cut answer
// may also lack a header).
#include "outcome.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/sample.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include <array>
#include <utility>

namespace oa_stream::probe {
namespace {

using net::TransferFailure;

bool cut(const AnswerFacts& f) {
    return f.failure == TransferFailure::reset || f.failure == TransferFailure::truncated ||
           f.failure == TransferFailure::malformed;
}

// clang-format off
constexpr std::array k_rules{
    OutcomeRule{Outcome::cancelled, "the probe was stopped by ourselves",
        [](const AnswerFacts& f) { return f.stopped || f.failure == TransferFailure::cancelled; }},
    OutcomeRule{Outcome::dns, "the host name has no address",
        [](const AnswerFacts& f) { return f.failure == TransferFailure::dns; }},
    OutcomeRule{Outcome::refused, "nothing listens on the port",
        [](const AnswerFacts& f) { return f.failure == TransferFailure::refused; }},
    OutcomeRule{Outcome::tls, "the TLS handshake or the certificate failed",
        [](const AnswerFacts& f) { return f.failure == TransferFailure::tls; }},
    OutcomeRule{Outcome::connect_timeout, "no connection in time",
        [](const AnswerFacts& f) { return f.failure == TransferFailure::connect_timeout; }},
    OutcomeRule{Outcome::ttfb_timeout, "connected, but no response head in time",
        [](const AnswerFacts& f) {
            return f.failure == TransferFailure::first_byte_timeout ||
                   (f.status == 0 && f.failure == TransferFailure::idle_timeout); }},
    OutcomeRule{Outcome::too_slow, "the whole time was used up before a head",
        [](const AnswerFacts& f) {
            return f.status == 0 && f.failure == TransferFailure::total_timeout; }},
    OutcomeRule{Outcome::not_sse, "the answer is not HTTP",
        [](const AnswerFacts& f) {
            return f.status == 0 && f.failure == TransferFailure::malformed; }},
    OutcomeRule{Outcome::truncated, "the connection broke before a head",
        [](const AnswerFacts& f) { return f.status == 0; }},
    OutcomeRule{Outcome::compat_rejected, "status 426",
        [](const AnswerFacts& f) { return f.status == 426; }},
    OutcomeRule{Outcome::unauthorised, "status 401 or 403",
        [](const AnswerFacts& f) { return refuses_credential(f.status); }},
    OutcomeRule{Outcome::http_status, "any other status but 200",
        [](const AnswerFacts& f) { return f.status != 200; }},
    OutcomeRule{Outcome::wrong_content_type, "the media type is not text/event-stream",
        [](const AnswerFacts& f) { return !f.event_stream; }},
    OutcomeRule{Outcome::stalled, "silence between two reads for longer than the limit",
        [](const AnswerFacts& f) { return f.failure == TransferFailure::idle_timeout; }},
    OutcomeRule{Outcome::too_slow, "not over within the whole time allowed",
        [](const AnswerFacts& f) { return f.failure == TransferFailure::total_timeout; }},
    OutcomeRule{Outcome::not_sse, "a body without a single event or comment",
        [](const AnswerFacts& f) { return !cut(f) && f.bytes > 0 && !f.any_frame; }},
    OutcomeRule{Outcome::truncated, "reset, cut, or closed without any kind of ending",
        [](const AnswerFacts& f) { return cut(f) || (!f.done && !f.terminal); }},
    OutcomeRule{Outcome::malformed_frame, "bytes that no client can read",
        [](const AnswerFacts& f) { return f.malformed; }},
    OutcomeRule{Outcome::contract_violation, "a must rule of the contract is broken",
        [](const AnswerFacts& f) { return f.broken_before_done; }},
    OutcomeRule{Outcome::late_data, "something follows [DONE], or the body ends long after it",
        [](const AnswerFacts& f) { return f.broken_after_done || f.late_end; }},
    OutcomeRule{Outcome::in_stream_error, "a legal stream of a turn that failed or was stopped",
        [](const AnswerFacts& f) { return f.failed_turn; }},
    OutcomeRule{Outcome::empty, "completed without text, reasoning or tool",
        [](const AnswerFacts& f) { return f.content_frames == 0; }},
    OutcomeRule{Outcome::headers_missing, "a required header of the stream is missing or wrong",
        [](const AnswerFacts& f) { return !f.headers_complete; }},
    OutcomeRule{Outcome::buffered, "paced content arrived in one piece",
        [](const AnswerFacts& f) { return f.buffered; }},
    OutcomeRule{Outcome::ok, "none of the above",
        [](const AnswerFacts&) { return true; }},
};
// clang-format on

} // namespace

std::string_view to_string(Outcome outcome) noexcept {
    return enum_word<Outcome::cancelled>(measure::k_outcome_words, outcome);
}

bool is_whole(Outcome outcome) noexcept {
    return outcome == Outcome::ok || outcome == Outcome::headers_missing ||
           outcome == Outcome::buffered;
}

bool has_media_type(const net::Headers& headers, std::string_view type) {
    return media_type_of(headers.get("content-type").value_or("")) == type;
}

std::span<const OutcomeRule> outcome_rules() noexcept {
    return k_rules;
}

Outcome classify(const AnswerFacts& facts) noexcept {
    for (const OutcomeRule& rule : k_rules) {
        if (rule.holds(facts)) {
            return rule.outcome;
        }
    }
    std::unreachable();
}

bool ran_into_limit(const ProbeSample& sample) noexcept {
    switch (sample.outcome) {
    case Outcome::connect_timeout:
    case Outcome::ttfb_timeout:
    case Outcome::stalled:
    case Outcome::too_slow:
        return true;
    default:
        return contains(telemetry::k_late_failures, sample.error_code);
    }
}

bool is_unreachable(Outcome outcome) noexcept {
    return outcome == Outcome::dns || outcome == Outcome::refused || outcome == Outcome::tls ||
           outcome == Outcome::connect_timeout || outcome == Outcome::cancelled;
}

} // namespace oa_stream::probe
