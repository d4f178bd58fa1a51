// A turn repeated from its beginning, of which a client has a part: what is left to send.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/turn/event.hpp"

#include <memory>
#include <string_view>

namespace oa_stream::encode {

/// Made from the frames of the page's protocol that were sent. Nothing is guessed and nothing
/// repeated: pieces may be cut anywhere, but the repeated text must begin with the text
/// that was sent.
class Continuation {
public:
    explicit Continuation(std::string_view sent);
    ~Continuation();
    Continuation(const Continuation&) = delete;
    Continuation& operator=(const Continuation&) = delete;
    Continuation(Continuation&&) noexcept;
    Continuation& operator=(Continuation&&) noexcept;

    /// True: `event`, cut to its new part, is to be sent. Code::unavailable: it does not go on
    /// from what was sent.
    [[nodiscard]] Result<bool> admit(turn::Event& event);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace oa_stream::encode
