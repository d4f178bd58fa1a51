#include "listener.hpp"

#include "oa_stream/base/url.hpp"

#include <fmt/format.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace oa_stream::net {

namespace {

constexpr int k_socket_flags = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;

std::unexpected<Error> bind_error(int code, const Endpoint& endpoint) {
    const auto text = errno_text(code);
    if (code == EADDRINUSE) {
        return fail(
            Code::precondition,
            "the address is already in use",
            endpoint.text(),
            "stop the other process or choose another port"
        );
    }
    // A retry can cure all but EACCES: at boot, the address or the socket's folder may come later.
    return fail(
        code == EACCES ? Code::config : Code::io,
        fmt::format("cannot listen: {}", text),
        endpoint.text(),
        code == EADDRNOTAVAIL ? "`ip address` lists the addresses of this machine" : ""
    );
}

Endpoint endpoint_of(const sockaddr_storage& address, std::uint16_t port_when_unknown = 0) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.ss_family == AF_INET) {
        const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address);
        ::inet_ntop(AF_INET, &v4->sin_addr, text.data(), text.size());
        return {text.data(), ntohs(v4->sin_port)};
    }
    if (address.ss_family == AF_INET6) {
        const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address);
        ::inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
        return {text.data(), ntohs(v6->sin6_port)};
    }
    return {"unix", port_when_unknown};
}

Result<Listener>
listen_on(Descriptor socket, const sockaddr* address, socklen_t size, Endpoint wanted) {
    if (::bind(socket.get(), address, size) != 0 || ::listen(socket.get(), k_backlog) != 0) {
        return bind_error(errno, wanted);
    }
    return Listener{std::move(socket), std::move(wanted)};
}

Result<Listener> open_tcp(const Endpoint& wanted) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* raw = nullptr;
    const auto port = std::to_string(wanted.port);
    if (const int code = ::getaddrinfo(wanted.host.c_str(), port.c_str(), &hints, &raw);
        code != 0) {
        return fail(
            code == EAI_AGAIN ? Code::io : Code::config, // no DNS server answers, as early at boot
            fmt::format("cannot listen: {}", ::gai_strerror(code)),
            wanted.text()
        );
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found(raw, &::freeaddrinfo);
    Descriptor socket(::socket(found->ai_family, k_socket_flags, 0));
    if (!socket) {
        return bind_error(errno, wanted);
    }
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    auto listener = listen_on(std::move(socket), found->ai_addr, found->ai_addrlen, wanted);
    if (listener) {
        sockaddr_storage bound{};
        socklen_t size = sizeof bound;
        ::getsockname(listener->socket.get(), reinterpret_cast<sockaddr*>(&bound), &size);
        listener->endpoint = endpoint_of(bound);
    }
    return listener;
}

/// Removes the socket of a dead process; a living process answers the connect.
Result<void> clear_stale(const Endpoint& wanted, const sockaddr* address, socklen_t size) {
    struct stat info{};
    if (::lstat(wanted.unix_path.c_str(), &info) != 0) {
        return {};
    }
    if (!S_ISSOCK(info.st_mode)) {
        return fail(
            Code::config, "cannot listen: there is a file that is not a socket", wanted.text()
        );
    }
    const Descriptor probe(::socket(AF_UNIX, k_socket_flags, 0));
    if (!probe || ::connect(probe.get(), address, size) == 0 || errno != ECONNREFUSED) {
        return bind_error(EADDRINUSE, wanted);
    }
    ::unlink(wanted.unix_path.c_str());
    return {};
}

Result<Listener> open_unix(const Endpoint& wanted, unsigned mode) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (auto fault = socket_path_fault(wanted.unix_path); !fault.empty()) {
        return fail(Code::config, std::move(fault), wanted.text());
    }
    std::memcpy(address.sun_path, wanted.unix_path.data(), wanted.unix_path.size());
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    OA_CHECK(clear_stale(wanted, generic, sizeof address));
    Descriptor socket(::socket(AF_UNIX, k_socket_flags, 0));
    // On Linux the bound file gets the socket's own mode, so other users can never connect.
    if (!socket || ::fchmod(socket.get(), static_cast<mode_t>(mode & 0777U)) != 0) {
        return bind_error(errno, wanted);
    }
    auto listener = listen_on(std::move(socket), generic, sizeof address, wanted);
    // The umask may have removed bits; until now this only kept users out.
    struct stat info{};
    if (listener && (::chmod(wanted.unix_path.c_str(), static_cast<mode_t>(mode & 0777U)) != 0 ||
                     ::lstat(wanted.unix_path.c_str(), &info) != 0)) {
        return bind_error(errno, wanted);
    }
    if (listener) {
        listener->device = info.st_dev;
        listener->inode = info.st_ino;
    }
    return listener;
}

} // namespace

Result<Listener> open_listener(const Endpoint& endpoint, unsigned unix_mode) {
    return endpoint.unix_path.empty() ? open_tcp(endpoint) : open_unix(endpoint, unix_mode);
}

std::string peer_text(int fd) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
        return "unknown";
    }
    return peer.ss_family == AF_UNIX ? "unix" : endpoint_of(peer).text();
}

} // namespace oa_stream::net
