// Listening sockets, TCP and unix.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/net/http.hpp"

#include <sys/types.h>

#include <string>

namespace oa_stream::net {

/// Connections that the kernel queues: a burst of reconnecting clients after a restart must not be
/// refused (Linux cuts this to somaxconn).
inline constexpr int k_backlog = 4096;

struct Listener {
    Descriptor socket; ///< non-blocking, close-on-exec, listening
    Endpoint endpoint; ///< with the real port
    /// A unix socket's file as we made it: at the end only that one is removed.
    dev_t device = 0;
    ino_t inode = 0;
};

/// Errors: Code::precondition when somebody listens there already, Code::config for an address that
/// cannot be bound here (unknown host, path too long, a file that is not a socket), Code::io
/// otherwise. A unix socket has `unix_mode` before it is visible; one left behind by a dead process
/// is replaced.
[[nodiscard]] Result<Listener> open_listener(const Endpoint& endpoint, unsigned unix_mode);

/// "127.0.0.1:54321", "[::1]:54321" or "unix" of a connected socket's other end.
[[nodiscard]] std::string peer_text(int fd);

} // namespace oa_stream::net
