#include "service_manager.hpp"

#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"

#include "core/document.hpp"

#include <fmt/format.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <utility>

namespace oa_stream::cli {
namespace {

/// After the drain: closing Codex and the store, writing files.
constexpr std::chrono::seconds k_leaving{30};
constexpr std::size_t k_ready_bytes = 64U << 10U;

/// The process that wrote the file; 0: the file is not one of ours.
pid_t writer_of(const std::filesystem::path& path) {
    const auto text = read_file(path, k_ready_bytes);
    const auto json = text ? parse_json(*text) : Json();
    return json ? static_cast<pid_t>(int_member(*json, "pid").value_or(0)) : 0;
}

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

ReadyFile::ReadyFile(std::filesystem::path path) : path_(std::move(path)) {
    remove();
}

Result<void> ReadyFile::write(std::string_view schema, Json facts) const {
    facts["pid"] = ::getpid();
    return path_.empty() ? Result<void>{}
                         : write_file_atomic(path_, dump_json(titled(schema, facts)) + "\n");
}

void ReadyFile::remove() const noexcept {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path_, error)) {
        return;
    }
    const pid_t writer = writer_of(path_);
    const bool dead = writer > 0 && ::kill(writer, 0) != 0 && errno == ESRCH;
    if (dead || writer == ::getpid()) {
        ::unlink(path_.c_str());
    }
}

} // namespace oa_stream::cli
