// Turn events → the bytes of one answer, whichever protocol the client speaks.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/turn/event.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace oa_stream::encode {

/// What happened in a turn as its client saw it.
struct TurnSummary {
    bool content = false; ///< it was sent text, reasoning or a tool call
    /// What the answer ended with, also when the turn completed and the answer lacks what its
    /// request demands.
    std::optional<turn::Failure> failure{};
    std::uint64_t frames = 0;
};

/// Takes the normalised events of one turn in order. One thread.
class TurnEncoder {
public:
    virtual ~TurnEncoder() = default;
    TurnEncoder() = default;
    TurnEncoder(const TurnEncoder&) = delete;
    TurnEncoder& operator=(const TurnEncoder&) = delete;

    /// Appends what is sent as soon as the authority accepted the turn.
    virtual void begin(std::string& out) = 0;
    /// Appends the frames of one event, begin()'s first when it was not called; for TurnEnded
    /// everything up to the answer's end. Code::internal (nothing of the event appended) when the
    /// event is out of order or the contract refuses a frame: a fault of ours, the caller ends the
    /// turn with adapter_preview_unavailable through fail_open().
    [[nodiscard]] virtual Result<void> encode(const turn::Event& event, std::string& out) = 0;
    /// Ends the answer as failed from whatever state it is in.
    virtual void fail_open(const turn::Failure& failure, std::string& out) = 0;

    /// The turn waits for its client: appends this answer's end and the beginning of the one that
    /// goes on with it. No part may be open. nullopt, and nothing appended: this protocol has no
    /// such thing. Code::internal: the contract refuses a frame, as in encode().
    struct Break;
    [[nodiscard]] virtual Result<std::optional<Break>> pause(std::string& out);
    /// The answer has all it needs though the turn goes on: the caller ends the turn as completed.
    [[nodiscard]] virtual bool satisfied() const noexcept { return false; }
    [[nodiscard]] virtual bool ended() const noexcept = 0;
    [[nodiscard]] virtual const TurnSummary& summary() const noexcept = 0;

protected:
    TurnEncoder(TurnEncoder&&) = default;
    TurnEncoder& operator=(TurnEncoder&&) = default;
};

/// Where pause() changed from one answer to the next, in bytes of what it appended. One stream that
/// sends both leaves out the part from `finish` up to `body`.
struct TurnEncoder::Break {
    std::size_t finish = 0; ///< frames from here on only end the first answer
    std::size_t end = 0; ///< the first answer's end
    std::size_t body = 0; ///< frames from here on do more than begin the second
};

inline Result<std::optional<TurnEncoder::Break>> TurnEncoder::pause(std::string& /*out*/) {
    return std::nullopt;
}

} // namespace oa_stream::encode
