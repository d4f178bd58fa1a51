// What a turn means to a client of chat completions: its text, how it ends, its usage. The stream
// and the whole answer both take it from here, so that they cannot disagree.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/encode/turn_encoder.hpp"
#include "oa_stream/turn/event.hpp"
#include "oa_stream/wire/completions_chunk.hpp"

#include <cstddef>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::encode {

class CompletionTurn {
public:
    CompletionTurn(bool one_call, bool must_call) : one_call_(one_call), must_call_(must_call) {}
    /// The finish_reason, or why the turn failed.
    using Ending = std::expected<std::string_view, turn::Failure>;

    /// The text that the event adds to the content; empty for most. It lives as long as the event.
    /// Code::internal when the event is out of order.
    [[nodiscard]] Result<std::string_view> take(const turn::Event& event);
    /// The call of the client's that the event is; nullptr for most. It lives as long as the event.
    [[nodiscard]] const turn::ClientCall* call(const turn::Event& event);
    /// Ends the turn as failed, whatever it said before.
    void fail(turn::Failure failure);

    /// Unset until the turn ended.
    [[nodiscard]] const std::optional<Ending>& ending() const noexcept { return ending_; }
    /// What the authority counted, nullopt when that is unknown: never told, all zero though
    /// the turn said something or failed, or no counts at all (below zero).
    [[nodiscard]] std::optional<wire::completions::Usage> usage() const;
    [[nodiscard]] bool has_text() const noexcept { return has_text_; }

private:
    struct OpenPart {
        std::string id;
        turn::PartKind kind;
    };

    [[nodiscard]] Result<void> open(const turn::PartOpened& event);
    [[nodiscard]] Result<std::string_view> text(const turn::PartDelta& event);
    [[nodiscard]] Result<void> close(const turn::PartClosed& event);
    void count(const turn::Usage& usage);
    void end(const turn::TurnEnded& event);

    std::vector<OpenPart> parts_{};
    bool has_text_ = false;
    bool one_call_;
    bool must_call_;
    std::size_t calls_ = 0;
    std::optional<turn::Usage> usage_{};
    std::optional<Ending> ending_{};
};

/// The error object of a failed turn: our words, nothing of the upstream's.
[[nodiscard]] wire::completions::ErrorObject error_of(const turn::Failure& failure);

} // namespace oa_stream::encode
