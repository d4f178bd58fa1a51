// Listening sockets, TCP and unix.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/net/http.hpp"

#include "descriptor.hpp"

#include <string>

namespace oa_stream::net {

struct Listener {
    Descriptor socket; ///< non-blocking, close-on-exec, listening
    Endpoint endpoint; ///< with the real port
};

/// Errors: Code::precondition when somebody listens there already, Code::config for an address that
/// cannot be bound here (unknown host, path too long, a file that is no socket), Code::io
/// otherwise. A unix socket gets mode 0600 before it is visible; one left behind by a dead process
/// is replaced.
[[nodiscard]] Result<Listener> open_listener(const Endpoint& endpoint);

/// "127.0.0.1:54321", "[::1]:54321" or "unix" of a connected socket's other end.
[[nodiscard]] std::string peer_text(int fd);

} // namespace oa_stream::net
