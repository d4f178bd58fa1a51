// HAProxy's runtime API: one line, one connection, one answer. Private to the room.
#pragma once

#include "oa_stream/base/task.hpp"

#include <string>

namespace oa_stream::traffic {

/// Sends `line` (without its end) over a connection of its own and reads to the end of the answer.
/// A connection is never kept: after a reload it would still lead to the worker that is leaving.
/// `address`: a path, or host:port. Code::unavailable when nobody listens, Code::credentials when
/// the socket's file may not be opened, Code::timeout, Code::network when the connection broke (the
/// line may have been carried out), Code::protocol for an answer that is too long, Code::usage for
/// an address that is none.
[[nodiscard]] Task<Result<std::string>>
ask_runtime(std::string address, std::string line, Millis limit);

} // namespace oa_stream::traffic
