// The parts of a turn for clients of OpenAI's APIs: its text, its ending, its usage. Streams and
// whole answers use this class, so that they cannot disagree.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/encode/completions.hpp"
#include "oa_stream/encode/turn_encoder.hpp"
#include "oa_stream/turn/event.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include "stop_cut.hpp"

#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::encode {

/// "tool_calls", the word of the Completions API.
[[nodiscard]] std::string_view finish_reason(turn::Finish finish) noexcept;

class CompletionTurn {
public:
    explicit CompletionTurn(AnswerDemands demands)
        : demands_(std::move(demands)), stop_(std::move(demands_.stop)) {}
    /// The addition of one event.
    struct Delta {
        std::string_view text{};
        std::string_view reasoning{};
    };
    /// How the answer finished: stop, length, content_filter, or tool_calls for the client's own;
    /// or the turn's failure.
    using Ending = std::expected<turn::Finish, turn::Failure>;

    /// What the event adds to the answer; most add nothing. Valid as long as the event, at most
    /// until the next one. Code::internal when the event is out of order.
    [[nodiscard]] Result<Delta> apply(const turn::Event& event);
    /// The client call in this event; nullptr for most. Valid as long as the event.
    [[nodiscard]] const turn::ClientCall* call(const turn::Event& event);
    /// Ends the turn as failed, whatever it sent before.
    void fail(turn::Failure failure);

    /// Unset until the turn has ended.
    [[nodiscard]] const std::optional<Ending>& ending() const noexcept { return ending_; }
    /// The authority's counts. nullopt when unknown: never reported, all zero although the turn had
    /// text or failed, or negative.
    [[nodiscard]] std::optional<wire::completions::Usage> usage() const;
    /// A stop sequence ended the text: the turn need not continue.
    [[nodiscard]] bool satisfied() const noexcept { return stop_.cut() && !ending_; }

private:
    struct OpenPart {
        std::string id;
        turn::PartKind kind;
        turn::TextPhase phase;
        bool has_text = false; ///< the answer has text
    };

    [[nodiscard]] Result<void> open(const turn::PartOpened& event);
    [[nodiscard]] Result<Delta> delta(const turn::PartDelta& event);
    [[nodiscard]] Delta text(std::string_view text);
    [[nodiscard]] std::optional<turn::FailureCause> unmet() const;
    [[nodiscard]] Result<void> close(const turn::PartClosed& event);
    void count(const turn::Usage& usage);
    void end(const turn::TurnEnded& event);

    std::vector<OpenPart> parts_{};
    bool has_text_ = false;
    bool called_ = false;
    AnswerDemands demands_; ///< without `stop`, which is moved to stop_
    StopCut stop_;
    std::string json_{}; ///< the text, if it must be a JSON object
    std::optional<turn::Usage> usage_{};
    std::optional<Ending> ending_{};
};

} // namespace oa_stream::encode
