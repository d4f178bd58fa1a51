// From another process: blocking, with a deadline.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/run/control.hpp"

#include "control_path.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace oa_stream::run {

namespace fs = std::filesystem;

Result<ShortPath> ShortPath::in(const fs::path& folder) {
    Descriptor held(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!held) {
        return fail(Code::io, fmt::format("cannot open the folder: {}", errno_text(errno)), folder);
    }
    return ShortPath(std::move(held));
}

std::string ShortPath::of(std::string_view file) const {
    return fmt::format("/proc/self/fd/{}/{}", folder_.get(), file);
}

namespace {

using Deadline = std::chrono::steady_clock::time_point;
constexpr std::size_t k_longest_answer = 65536;

Error not_asked(const fs::path& folder) {
    const std::string where = (folder / k_control_file).string();
    switch (errno) {
    case ENOENT:
    case ECONNREFUSED:
        return {Code::unavailable, "no process listens for orders to this run", where, {}};
    case EACCES:
    case EPERM:
        return {Code::io, "this run belongs to another user", where, {}};
    default:
        return {Code::io, fmt::format("cannot ask the run: {}", errno_text(errno)), where, {}};
    }
}

Result<void> wait_for(int fd, short what, Deadline until) {
    const auto left =
        std::chrono::duration_cast<Millis>(until - std::chrono::steady_clock::now()).count();
    pollfd one{fd, what, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    return ready > 0 ? Result<void>{} : fail(Code::timeout, "the run's process does not answer");
}

Result<void> send_line(int fd, std::string_view line, Deadline until) {
    while (!line.empty()) {
        OA_CHECK(wait_for(fd, POLLOUT, until));
        const auto sent = ::send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return fail(Code::network, "the run's process went away");
        }
        line.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
    }
    return {};
}

Result<std::string> read_line(int fd, Deadline until) {
    std::string out;
    std::array<char, 4096> part{};
    while (!out.contains('\n')) {
        OA_CHECK(wait_for(fd, POLLIN, until));
        const auto got = ::recv(fd, part.data(), part.size(), MSG_DONTWAIT);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            continue;
        }
        if (got <= 0 || out.size() > k_longest_answer) {
            return fail(Code::network, "the run's process went away without an answer");
        }
        out.append(part.data(), static_cast<std::size_t>(got));
    }
    return out;
}

Result<Json> judged(const std::string& line) {
    OA_TRY(Json answer, parse_json(line));
    if (bool_member(answer, "ok").value_or(false)) {
        return answer;
    }
    const std::string error = text_in(answer, "error");
    return fail(
        text_in(answer, "code") == to_string(Code::precondition) ? Code::precondition
                                                                 : Code::protocol,
        error.empty() ? "the run's answer makes no sense" : error,
        {},
        advice_in(answer, "hint")
    );
}

} // namespace

Result<Json> ask_run(const fs::path& folder, const Json& request, std::chrono::milliseconds limit) {
    const Deadline until = std::chrono::steady_clock::now() + limit;
    OA_TRY(const ShortPath path, ShortPath::in(folder));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path.of(k_control_file);
    std::ranges::copy(name, address.sun_path);
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // A local socket connects at once or waits for room in the queue, for as long as this says.
    const timeval patience{.tv_sec = std::max<long>(limit.count() / 1000, 1), .tv_usec = 0};
    (void)::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the interface of connect(2)
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return std::unexpected(not_asked(folder));
    }
    OA_CHECK(send_line(socket.get(), dump_json(request) + "\n", until));
    OA_TRY(const std::string line, read_line(socket.get(), until));
    return judged(line);
}

} // namespace oa_stream::run
