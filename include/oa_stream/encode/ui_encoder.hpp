// Turn events → UI message stream frames, emitted only through the contract's machine.
// The event → chunk table (src/encode/ui_mapping.cpp) also makes docs/mapping.md.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/turn/event.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::encode {

struct UiEncoderOptions {
    std::string thread;     ///< the client's thread id, for messageMetadata
    std::string message_id; ///< start.messageId
    std::string turn;       ///< turn id, for messageMetadata
    std::string model{};
};

/// What happened in a turn as its client saw it.
struct UiSummary {
    bool content = false; ///< any text, reasoning or tool
    bool error = false;
    std::uint64_t frames = 0;
};

class UiEncoder {
public:
    explicit UiEncoder(UiEncoderOptions options);
    ~UiEncoder();
    UiEncoder(UiEncoder&&) noexcept;
    UiEncoder& operator=(UiEncoder&&) noexcept;

    /// Appends start and start-step: sent as soon as the authority accepted the turn.
    void begin(std::string& out);
    /// Appends the frames of one normalised event, begin()'s first when it was not called; for
    /// TurnEnded everything up to [DONE]. Code::internal (nothing of the event appended) when the
    /// event is out of order or the machine refuses a frame: a fault of ours, the caller ends the
    /// turn with adapter_preview_unavailable through fail_open().
    [[nodiscard]] Result<void> encode(const turn::Event& event, std::string& out);
    /// Ends the stream as failed from whatever state it is in.
    void fail_open(const turn::Failure& failure, std::string& out);
    [[nodiscard]] bool ended() const noexcept;
    [[nodiscard]] const UiSummary& summary() const noexcept;

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace oa_stream::encode
