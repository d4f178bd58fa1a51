// A stream that is kept open.
#pragma once

#include "completions_run.hpp"

#include <memory>

namespace oa_stream::probe {

/// Dropping it leaves: the connection is cut.
struct HeldStream {
    int status = 0;
    net::Headers headers{};
    std::string body{}; ///< what has come
    bool ended = false;
    std::shared_ptr<net::Transfer> transfer{};
};

/// Begins a turn and returns at its first bytes, or at its end, or when `limits.first_byte` is
/// over.
[[nodiscard]] Task<std::shared_ptr<HeldStream>> hold_stream(RunPtr run, Json body);

} // namespace oa_stream::probe
