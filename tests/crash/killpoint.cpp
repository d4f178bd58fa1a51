// Preloaded into oa-stream by the crash tests: counts the moments at which a death matters – each
// write of a journal, each exchange with the traffic machinery, each program, and what the timeline
// tells of conversations, pauses and hooks – and at the chosen one kills the process, sends it a
// signal, tears the line under way, or lets the disk be full from then on.
// The binary itself knows nothing of it.
//
//   OA_KILLPOINT_PEERS  "unix:/path,127.0.0.1:4711": addresses of the traffic machinery
//   OA_KILLPOINT_LOG    file: one line a point, "number what"
//   OA_KILLPOINT_AT     number of the point at which to act; unset: only count
//   OA_KILLPOINT_DO     "kill" (also tears lines), "int", "term", "hup", "quit", "usr1",
//   "full-disk" OA_KILLPOINT_DIR    folder whose files a full disk concerns
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h> // NOLINT(modernize-deprecated-headers): kill()
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace {

template <class F> F* next(const char* name) {
    return reinterpret_cast<F*>(::dlsym(RTLD_NEXT, name)); // NOLINT: what dlsym is for
}

std::string_view setting(const char* name) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody writes it
    return value == nullptr ? std::string_view{} : std::string_view(value);
}

constexpr std::size_t k_fds = 65536;
std::array<bool, k_fds>& peers() {
    static std::array<bool, k_fds> table{};
    return table;
}
std::array<bool, k_fds>& asked() {
    static std::array<bool, k_fds> table{};
    return table;
}
bool known(const std::array<bool, k_fds>& table, int fd) {
    return fd >= 0 && static_cast<std::size_t>(fd) < k_fds && table[static_cast<std::size_t>(fd)];
}
void mark(std::array<bool, k_fds>& table, int fd, bool value) {
    if (fd >= 0 && static_cast<std::size_t>(fd) < k_fds) {
        table[static_cast<std::size_t>(fd)] = value;
    }
}

bool disk_is_full = false;

void log_line(const std::string& line) {
    static const int fd = ::open(
        std::string(setting("OA_KILLPOINT_LOG")).c_str(),
        O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
        0600
    );
    static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
    if (fd >= 0) {
        static_cast<void>(real(fd, line.data(), line.size()));
    }
}

/// Counts; true when this is the chosen point.
bool reached(std::string_view what) {
    static long count = 0;
    static const std::string at(setting("OA_KILLPOINT_AT"));
    ++count;
    log_line(std::to_string(count) + " " + std::string(what) + "\n");
    return !at.empty() && std::to_string(count) == at;
}

constexpr std::array<std::pair<std::string_view, int>, 5> k_signals{
    {{"int", SIGINT}, {"term", SIGTERM}, {"hup", SIGHUP}, {"quit", SIGQUIT}, {"usr1", SIGUSR1}}
};

void act() {
    const auto what = setting("OA_KILLPOINT_DO");
    for (const auto& [name, number] : k_signals) {
        if (what == name) {
            ::kill(::getpid(), number);
            return;
        }
    }
    if (what == "full-disk") {
        disk_is_full = true;
    } else {
        ::kill(::getpid(), SIGKILL);
        ::pause();
    }
}

void point(std::string_view what) {
    if (reached(what)) {
        act();
    }
}

std::string path_of(int fd) {
    std::array<char, PATH_MAX> buffer{};
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const auto size = ::readlink(link.c_str(), buffer.data(), buffer.size());
    return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : std::string();
}

bool is_journal(int fd) {
    return path_of(fd).ends_with("/journal.ndjson");
}

/// The event of a timeline's line, if it is one of those whose moment is not in the journal.
std::string_view told(int fd, std::string_view line) {
    constexpr std::string_view k_member = R"("event":")";
    constexpr std::array<std::string_view, 4> k_events{
        "continuity", "paused", "pause ended", "hook"
    };
    const auto at = line.find(k_member);
    if (at == std::string_view::npos || !path_of(fd).ends_with("/timeline.ndjson")) {
        return {};
    }
    const auto event = line.substr(at + k_member.size());
    for (const auto known_event : k_events) {
        if (event.substr(0, event.find('"')) == known_event) {
            return known_event;
        }
    }
    return {};
}

bool concerned_by_disk(int fd) {
    const auto folder = setting("OA_KILLPOINT_DIR");
    return disk_is_full && !folder.empty() && path_of(fd).starts_with(folder);
}

/// "unix:/path" or "127.0.0.1:4711"
std::string name_of(const sockaddr* address, socklen_t size) {
    if (address->sa_family == AF_UNIX) {
        const auto* local = reinterpret_cast<const sockaddr_un*>(address); // NOLINT: the C API
        return "unix:" + std::string(&local->sun_path[0]);
    }
    if (address->sa_family == AF_INET && size >= sizeof(sockaddr_in)) {
        const auto* inet = reinterpret_cast<const sockaddr_in*>(address); // NOLINT: the C API
        std::array<char, INET_ADDRSTRLEN> text{};
        ::inet_ntop(AF_INET, &inet->sin_addr, text.data(), text.size());
        return std::string(text.data()) + ":" + std::to_string(ntohs(inet->sin_port));
    }
    return {};
}

bool is_peer(const std::string& name) {
    std::string_view list = setting("OA_KILLPOINT_PEERS");
    while (!name.empty() && !list.empty()) {
        const auto comma = list.find(',');
        if (list.substr(0, comma) == name) {
            return true;
        }
        list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    }
    return false;
}

template <class Send> ssize_t sending(int fd, Send send) {
    if (!known(peers(), fd)) {
        return send();
    }
    const bool first = !known(asked(), fd);
    if (first) {
        point("call begins");
    }
    const ssize_t done = send();
    if (done > 0 && first) {
        mark(asked(), fd, true);
        point("call sent");
    }
    return done;
}

template <class Receive> ssize_t receiving(int fd, Receive receive) {
    const ssize_t got = receive();
    if (got > 0 && known(asked(), fd)) {
        mark(asked(), fd, false);
        point("call answered");
    }
    return got;
}

} // namespace

// What is interposed has the names and types of the C library.
// NOLINTBEGIN(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)
extern "C" {

int connect(int fd, const sockaddr* address, socklen_t size) {
    static auto* const real = next<int(int, const sockaddr*, socklen_t)>("connect");
    const bool ours = is_peer(name_of(address, size));
    mark(peers(), fd, ours);
    mark(asked(), fd, false);
    return real(fd, address, size);
}

int close(int fd) {
    static auto* const real = next<int(int)>("close");
    mark(peers(), fd, false);
    mark(asked(), fd, false);
    return real(fd);
}

ssize_t send(int fd, const void* bytes, size_t size, int flags) {
    static auto* const real = next<ssize_t(int, const void*, size_t, int)>("send");
    return sending(fd, [&] { return real(fd, bytes, size, flags); });
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    static auto* const real = next<ssize_t(int, const msghdr*, int)>("sendmsg");
    return sending(fd, [&] { return real(fd, message, flags); });
}

ssize_t recv(int fd, void* bytes, size_t size, int flags) {
    static auto* const real = next<ssize_t(int, void*, size_t, int)>("recv");
    return receiving(fd, [&] { return real(fd, bytes, size, flags); });
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
    static auto* const real = next<ssize_t(int, msghdr*, int)>("recvmsg");
    return receiving(fd, [&] { return real(fd, message, flags); });
}

ssize_t write(int fd, const void* bytes, size_t size) {
    static auto* const real = next<ssize_t(int, const void*, size_t)>("write");
    if (!is_journal(fd)) {
        if (concerned_by_disk(fd)) {
            errno = ENOSPC;
            return -1;
        }
        const auto event = told(fd, {static_cast<const char*>(bytes), size});
        if (!event.empty()) {
            point("timeline: before " + std::string(event));
            const ssize_t done = real(fd, bytes, size);
            point("timeline: " + std::string(event));
            return done;
        }
        return sending(fd, [&] { return real(fd, bytes, size); });
    }
    point("journal: before a line");
    if (reached("journal: half a line")) {
        if (setting("OA_KILLPOINT_DO") == "kill") {
            static_cast<void>(real(fd, bytes, size / 2));
        }
        act();
    }
    const ssize_t done = real(fd, bytes, size);
    point("journal: line written");
    return done;
}

pid_t fork() {
    static auto* const real = next<pid_t()>("fork");
    point("program begins");
    const pid_t child = real();
    if (child > 0) {
        point("program started");
    }
    return child;
}

pid_t waitpid(pid_t child, int* status, int options) {
    static auto* const real = next<pid_t(pid_t, int*, int)>("waitpid");
    const pid_t done = real(child, status, options);
    if (done > 0) {
        point("program ended");
    }
    return done;
}

int fdatasync(int fd) {
    static auto* const real = next<int(int)>("fdatasync");
    const int done = real(fd);
    if (is_journal(fd)) {
        point("journal: line synced");
    }
    return done;
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
    static auto* const real = next<int(int, int, off_t, off_t)>("fallocate");
    if (setting("OA_KILLPOINT_DO") == "full-disk" && setting("OA_KILLPOINT_AT") == "0") {
        errno = ENOSPC; // full from the beginning
        return -1;
    }
    return real(fd, mode, offset, size);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
    return fallocate(fd, mode, offset, size);
}

} // extern "C"
// NOLINTEND(readability-identifier-naming,readability-inconsistent-declaration-parameter-name)
