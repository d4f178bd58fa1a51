// Turn events → the bytes of one answer, in the client's protocol.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/turn/event.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream::encode {

/// The client's view of a turn.
struct TurnSummary {
    bool content = false; ///< text, reasoning or a tool call was sent
    /// The failure in the answer; also set when the turn completed but the answer lacks what the
    /// request demands.
    std::optional<turn::Failure> failure{};
    std::uint64_t frames = 0;
};

/// Encodes the normalised events of one turn in order. For one thread only.
class TurnEncoder {
public:
    virtual ~TurnEncoder() = default;
    TurnEncoder() = default;
    TurnEncoder(const TurnEncoder&) = delete;
    TurnEncoder& operator=(const TurnEncoder&) = delete;

    /// Appends the first frames, sent as soon as the authority has accepted the turn.
    virtual void begin(std::string& out) = 0;
    /// Appends the frames of one event, preceded by begin()'s if it was not called; for TurnEnded
    /// everything up to the answer's end. Code::internal (nothing of the event is appended) when
    /// the event is out of order or the contract refuses a frame. That is a bug of ours; the caller
    /// ends the turn with adapter_preview_unavailable through fail_open().
    [[nodiscard]] virtual Result<void> encode(const turn::Event& event, std::string& out) = 0;
    /// Ends the answer as failed, from any state.
    virtual void fail_open(const turn::Failure& failure, std::string& out) = 0;

    /// The turn waits for its client: appends the end of this answer and the beginning of the one
    /// that continues it. No part may be open. nullopt, and nothing is appended: the protocol does
    /// not support this. Code::internal: the contract refuses a frame, as in encode().
    struct Break;
    [[nodiscard]] virtual Result<std::optional<Break>> pause(std::string& out);
    /// The answer is complete although the turn continues: the caller ends the turn as completed.
    [[nodiscard]] virtual bool satisfied() const noexcept { return false; }
    [[nodiscard]] virtual bool ended() const noexcept = 0;
    [[nodiscard]] virtual const TurnSummary& summary() const noexcept = 0;

protected:
    TurnEncoder(TurnEncoder&&) = default;
    TurnEncoder& operator=(TurnEncoder&&) = default;
};

/// Byte offsets in pause()'s output, at the change from one answer to the next. A stream that sends
/// both answers omits the bytes from `finish` up to `body`.
struct TurnEncoder::Break {
    std::size_t finish = 0; ///< from here on, frames only end the first answer
    std::size_t end = 0; ///< end of the first answer
    std::size_t body = 0; ///< from here on, frames are content of the second answer
};

inline Result<std::optional<TurnEncoder::Break>> TurnEncoder::pause(std::string& /*out*/) {
    return std::nullopt;
}

} // namespace oa_stream::encode
