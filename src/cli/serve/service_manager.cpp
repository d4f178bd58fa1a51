#include "service_manager.hpp"

#include <fmt/format.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

namespace oa_stream::cli {
namespace {

/// After the drain: closing Codex and the store, writing files.
constexpr std::chrono::seconds k_leaving{30};

} // namespace

std::string stopping_state(std::string_view status, Millis limit) {
    const std::chrono::microseconds needed = limit + k_leaving;
    return fmt::format("STOPPING=1\nEXTEND_TIMEOUT_USEC={}\nSTATUS={}", needed.count(), status);
}

void tell_service_manager(const std::string& address, std::string_view state) noexcept {
    sockaddr_un where{};
    if (address.size() < 2 || address.size() >= sizeof(where.sun_path)) {
        return;
    }
    where.sun_family = AF_UNIX;
    std::ranges::copy(address, std::begin(where.sun_path));
    auto size = offsetof(sockaddr_un, sun_path) + address.size();
    if (address.front() == '@') {
        where.sun_path[0] = '\0'; // an abstract name's length is explicit, without a terminator
    } else {
        ++size;
    }
    const int socket = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (socket < 0) {
        return;
    }
    (void)::sendto(
        socket,
        state.data(),
        state.size(),
        MSG_NOSIGNAL,
        reinterpret_cast<const sockaddr*>(&where
        ), // NOLINT(*-reinterpret-cast): the socket API's way
        static_cast<socklen_t>(size)
    );
    ::close(socket);
}

} // namespace oa_stream::cli
