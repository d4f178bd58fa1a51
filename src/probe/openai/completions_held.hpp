// A stream that is kept open.
#pragma once

#include "completions_run.hpp"

#include <memory>

namespace oa_stream::probe {

/// Destroying it leaves the stream: the connection is cut.
struct HeldStream {
    int status = 0;
    net::Headers headers{};
    std::string body{}; ///< received so far
    bool ended = false;
    std::shared_ptr<net::Transfer> transfer{};
};

/// Begins a turn and returns at its first bytes, at its end, or after `limits.first_byte`.
[[nodiscard]] Task<std::shared_ptr<HeldStream>> hold_stream(RunPtr run, Json body);

} // namespace oa_stream::probe
