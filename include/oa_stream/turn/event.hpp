// Events of a turn, independent of any protocol.
//
//   turn = TurnStarted , { part | tool | Note | UsageKnown } , TurnEnded
//   part = PartOpened , { PartDelta } , PartClosed
//   tool = ToolOpened , { ToolInputDelta } , ToolInputReady , [ ClientCall ] , { ToolOutputDelta }
//   , ( ToolOutput | ToolFailed )
//
// Parts and tools interleave. Authorities may break this grammar; encode::Normaliser repairs it, so
// encoders may rely on it.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/turn/words.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace oa_stream::turn {

enum class PartKind { text, reasoning };
[[nodiscard]] constexpr std::string_view to_string(PartKind kind) noexcept {
    return kind == PartKind::text ? "text" : "reasoning";
}

/// The role of a text in its answer, if the model states it.
enum class TextPhase { unknown, commentary, final_answer };
[[nodiscard]] std::string_view to_string(TextPhase phase) noexcept; ///< empty: unknown
[[nodiscard]] TextPhase text_phase_of(std::string_view word) noexcept;

/// Tokens of one turn. `input` includes `cached_input`; `output` includes `reasoning_output`.
struct Usage {
    std::int64_t input = 0;
    std::int64_t cached_input = 0;
    std::int64_t output = 0;
    std::int64_t reasoning_output = 0;
    Usage& operator+=(const Usage& more) noexcept {
        input += more.input;
        cached_input += more.cached_input;
        output += more.output;
        reasoning_output += more.reasoning_output;
        return *this;
    }
    /// Members may become negative.
    Usage& operator-=(const Usage& less) noexcept {
        input -= less.input;
        cached_input -= less.cached_input;
        output -= less.output;
        reasoning_output -= less.reasoning_output;
        return *this;
    }
    friend bool operator==(const Usage&, const Usage&) = default;
};

struct Failure {
    FailureCode code = FailureCode::codex_error;
    bool retryable = false;
    std::string detail{}; ///< the authority's own text; for the log only, never for clients
    FailureCause cause = FailureCause::other;
    /// Seconds until the provider accepts requests again, if it stated them.
    std::optional<int> retry_after{};
    /// The same as a time of day, with a date unless it is today ("Dec 2nd, 2026 5:45 PM"), by the
    /// clock of the authority's machine; empty: unknown.
    std::string again_at{};
    /// The authority's event stream ended early, complete except for the terminal event.
    bool clean_eof = false;
    friend bool operator==(const Failure&, const Failure&) = default;
};
/// Sets `retryable` from the code's table row.
[[nodiscard]] Failure
failure_of(FailureCode code, std::string detail, FailureCause cause = FailureCause::other);
/// The error text for clients: the provider's reason, if known, and when to try again.
[[nodiscard]] std::string sentence_of(const Failure& failure);

struct TurnStarted {
    std::string thread; ///< the authority's thread id
    std::string turn; ///< the authority's turn id; becomes the messageId
    std::string model{}; ///< empty when unknown
    friend bool operator==(const TurnStarted&, const TurnStarted&) = default;
};
struct PartOpened {
    std::string id; ///< unique within the turn
    PartKind kind = PartKind::text;
    TextPhase phase = TextPhase::unknown;
    friend bool operator==(const PartOpened&, const PartOpened&) = default;
};
struct PartDelta {
    std::string id;
    std::string text; ///< verbatim, whole code points
    friend bool operator==(const PartDelta&, const PartDelta&) = default;
};
struct PartClosed {
    std::string id;
    /// The model's response broke off and is requested again: a new part will repeat it from its
    /// start.
    bool broken = false;
    friend bool operator==(const PartClosed&, const PartClosed&) = default;
};
struct ToolOpened {
    std::string call; ///< unique within the turn
    std::string name;
    bool dynamic = true;
    bool client = false; ///< a function of the client, which runs it
    friend bool operator==(const ToolOpened&, const ToolOpened&) = default;
};
struct ToolInputDelta {
    std::string call;
    std::string text;
    friend bool operator==(const ToolInputDelta&, const ToolInputDelta&) = default;
};
struct ToolInputReady {
    std::string call;
    Json input;
    friend bool operator==(const ToolInputReady&, const ToolInputReady&) = default;
};
struct ToolOutputDelta {
    std::string call;
    std::string text; ///< live output; the final one is in ToolOutput
    friend bool operator==(const ToolOutputDelta&, const ToolOutputDelta&) = default;
};
struct ToolOutput {
    std::string call;
    Json output;
    friend bool operator==(const ToolOutput&, const ToolOutput&) = default;
};
struct ToolFailed {
    std::string call;
    std::string text; ///< safe to show
    friend bool operator==(const ToolFailed&, const ToolFailed&) = default;
};
/// Plan updates, warnings, approvals, diffs: becomes a data-NAME part.
struct Note {
    std::string name; ///< [a-z-]+
    std::optional<std::string> id{};
    bool transient = false;
    Json payload;
    friend bool operator==(const Note&, const Note&) = default;
};
/// The authority waits for a person's decision before it runs a call. Only in turns started with
/// TurnRequest::ask_approvals.
struct ApprovalAsked {
    std::string id; ///< unique within the turn; argument of Turn::answer_approval()
    std::string call; ///< the tool call to approve; opened before
    friend bool operator==(const ApprovalAsked&, const ApprovalAsked&) = default;
};
/// The decision reached the authority, or is no longer needed.
struct ApprovalSettled {
    std::string id;
    bool approved = false;
    friend bool operator==(const ApprovalSettled&, const ApprovalSettled&) = default;
};
/// The client has to run one of its functions. Only in turns started with TurnRequest::tools; an
/// end with Finish::tool_calls leaves such calls open.
struct ClientCall {
    std::string call; ///< opened before
    std::string name;
    std::string arguments; ///< as the model wrote them; normally JSON
    friend bool operator==(const ClientCall&, const ClientCall&) = default;
};
struct UsageKnown {
    Usage usage; ///< of the turn so far
    friend bool operator==(const UsageKnown&, const UsageKnown&) = default;
};
struct TurnEnded {
    Outcome outcome = Outcome::completed;
    Finish finish = Finish::stop;
    std::optional<Failure> failure{}; ///< set when outcome is failed or aborted
    std::optional<Usage> usage{}; ///< unset: the authority never reported it
    /// The answer has no text: the authority keeps it back (a message was started), or it was cut
    /// before its first word.
    bool withheld = false;
    friend bool operator==(const TurnEnded&, const TurnEnded&) = default;
};

using Event = std::variant<
    TurnStarted,
    PartOpened,
    PartDelta,
    PartClosed,
    ToolOpened,
    ToolInputDelta,
    ToolInputReady,
    ToolOutputDelta,
    ToolOutput,
    ToolFailed,
    Note,
    ApprovalAsked,
    ApprovalSettled,
    ClientCall,
    UsageKnown,
    TurnEnded>;

/// Text, reasoning or a tool: a turn with one of these is not empty.
[[nodiscard]] bool is_content(const Event& event) noexcept;
/// A text follows the last call.
[[nodiscard]] bool is_answered(const std::vector<Event>& events);
/// "part-delta": the alternative's name, for logs, docs and tests.
[[nodiscard]] std::string_view name_of(const Event& event) noexcept;
/// One readable line, for tests and debugging: part-delta id=m1 text="Hel".
[[nodiscard]] std::string describe(const Event& event);

} // namespace oa_stream::turn
