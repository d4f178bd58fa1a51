// When a turn is repeated from its beginning to a client that has a part of it: selects what is
// left to send.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/turn/event.hpp"

#include <memory>
#include <string_view>

namespace oa_stream::encode {

/// Constructed from the UI message stream frames that were sent. It neither guesses nor repeats:
/// deltas may be cut anywhere, but the repeated text must begin with the text that was sent.
class Continuation {
public:
    explicit Continuation(std::string_view sent);
    ~Continuation();
    Continuation(const Continuation&) = delete;
    Continuation& operator=(const Continuation&) = delete;
    Continuation(Continuation&&) noexcept;
    Continuation& operator=(Continuation&&) noexcept;

    /// True: send `event`, which is cut to its new part. Code::unavailable: the event does not
    /// continue what was sent.
    [[nodiscard]] Result<bool> admit(turn::Event& event);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace oa_stream::encode
