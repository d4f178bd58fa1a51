// Turn events → the bytes of one answer, whichever protocol the client speaks.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/turn/event.hpp"

#include <cstdint>
#include <string>

namespace oa_stream::encode {

/// What happened in a turn as its client saw it.
struct TurnSummary {
    bool content = false; ///< any text, reasoning or tool
    bool error = false;
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
    [[nodiscard]] virtual bool ended() const noexcept = 0;
    [[nodiscard]] virtual const TurnSummary& summary() const noexcept = 0;

protected:
    TurnEncoder(TurnEncoder&&) = default;
    TurnEncoder& operator=(TurnEncoder&&) = default;
};

} // namespace oa_stream::encode
