// Listening sockets, TCP and unix.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/base/process.hpp"
#include "oa_stream/net/http.hpp"

#include <sys/types.h>

#include <string>

namespace oa_stream::net {

/// Connections that the kernel queues: a burst of clients reconnecting after a restart must not be
/// refused (Linux limits this to somaxconn).
inline constexpr int k_backlog = 4096;

struct Listener {
    Descriptor socket; ///< non-blocking, close-on-exec, listening
    Endpoint endpoint; ///< with the real port
    /// Identity of the unix socket's file as created: only that file is removed at the end.
    dev_t device = 0;
    ino_t inode = 0;
};

/// Errors: Code::precondition when another process listens there, Code::config for an address that
/// cannot be bound here (unknown host, path too long, a file that is not a socket), otherwise
/// Code::io. A unix socket has `unix_mode` before it is visible; one left by a dead process is
/// replaced.
[[nodiscard]] Result<Listener> open_listener(const Endpoint& endpoint, unsigned unix_mode);

/// "127.0.0.1:54321", "[::1]:54321" or "unix": the other end of a connected socket.
[[nodiscard]] std::string peer_text(int fd);

} // namespace oa_stream::net
