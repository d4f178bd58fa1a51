// The raw limit: paced frames from one epoll loop and one timer, and nothing else. No JSON is made,
// no contract is kept, no turn is run; the bytes are those a lane would send.
//
//   bench_epoll_writer [--port 0] [--deltas 50] [--every-ms 50] [--stamp 0|1] [--uring 0|1]
//
// Prints "LISTENING <port>". With --stamp 1 each delta's text is the time of its sending. With
// --uring 1 all deltas of one tick are handed to the kernel by one call of io_uring.
#include "posix.hpp"

#include <arpa/inet.h>
#include <liburing.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

#include <array>
#include <deque>
#include <memory>
#include <unordered_map>

using namespace oa_stream::bench;

namespace {

constexpr std::string_view k_head =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n"
    "cache-control: no-cache, no-transform\r\nx-vercel-ai-ui-message-stream: v1\r\n"
    "x-accel-buffering: no\r\ntransfer-encoding: chunked\r\n\r\n";

struct Settings {
    int deltas;
    std::int64_t every_ns;
    bool stamp;
    bool uring;
};

struct Stream {
    int fd;
    std::string request;
    int sent = -1; ///< deltas; -1: the request is not complete
};

struct Due {
    std::int64_t at;
    int fd;
    std::uint64_t number; ///< of the stream, since descriptors are used again
};

std::string chunk(std::string_view bytes) {
    return fmt::format("{:x}\r\n{}\r\n", bytes.size(), bytes);
}

std::string frame(std::string_view json) {
    return fmt::format("data: {}\n\n", json);
}

std::string opening() {
    return chunk(
        frame(R"({"type":"start","messageId":"m1"})") + frame(R"({"type":"start-step"})") +
        frame(R"({"type":"text-start","id":"t1"})")
    );
}

std::string ending() {
    return chunk(
               frame(R"({"type":"text-end","id":"t1"})") + frame(R"({"type":"finish-step"})") +
               frame(R"({"type":"finish","messageMetadata":{"status":"completed"}})") +
               "data: [DONE]\n\n"
           ) +
           "0\r\n\r\n";
}

std::string delta(std::string_view text) {
    return chunk(frame(fmt::format(R"({{"type":"text-delta","id":"t1","delta":"{}"}})", text)));
}

/// True when head and body of the request are there.
bool complete(std::string_view request) {
    const std::size_t end = request.find("\r\n\r\n");
    if (end == std::string_view::npos) {
        return false;
    }
    const std::size_t at = request.find("content-length: ");
    std::size_t length = 0;
    if (at != std::string_view::npos && at < end) {
        std::from_chars(request.data() + at + 16, request.data() + end, length);
    }
    return request.size() >= end + 4 + length;
}

class Writer {
public:
    Writer(int port, Settings settings) : settings_(settings), word_(delta("lorem ipsum ")) {
        epoll_ = check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
        listener_ =
            check(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket");
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        socklen_t size = sizeof address;
        check(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), "bind");
        check(::listen(listener_, 4096), "listen");
        check(
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), "getsockname"
        );
        timer_ =
            check(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), "timerfd_create");
        watch(listener_);
        watch(timer_);
        if (settings_.uring) {
            check(::io_uring_queue_init(k_ring, &ring_, 0), "io_uring_queue_init");
        }
        fmt::print("LISTENING {}\n", ntohs(address.sin_port));
        std::fflush(stdout);
    }

    [[noreturn]] void run() {
        std::array<epoll_event, 512> events{};
        for (;;) {
            const int count =
                ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
            for (int i = 0; i < count; ++i) {
                const int fd = events[static_cast<std::size_t>(i)].data.fd;
                if (fd == listener_) {
                    accept_all();
                } else if (fd == timer_) {
                    tick();
                } else {
                    read_request(fd);
                }
            }
        }
    }

private:
    void watch(int fd) const {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.fd = fd;
        check(::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event), "epoll_ctl");
    }

    void accept_all() {
        for (;;) {
            const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
            if (fd < 0) {
                return;
            }
            const int on = 1;
            ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            streams_[fd] = {number_++, {fd, {}}};
            watch(fd);
        }
    }

    void read_request(int fd) {
        auto& [number, stream] = streams_[fd];
        std::array<char, 4096> buffer{};
        const ssize_t got = ::read(fd, buffer.data(), buffer.size());
        if (got <= 0) {
            return drop(fd);
        }
        stream.request.append(buffer.data(), static_cast<std::size_t>(got));
        if (stream.sent < 0 && complete(stream.request)) {
            stream.sent = 0;
            stream.request.clear();
            send(fd, std::string(k_head) + opening());
            queue(fd, number);
        }
    }

    // All intervals are the same, so the queue is in order of time by itself.
    void queue(int fd, std::uint64_t number) {
        due_.push_back({now_ns() + settings_.every_ns, fd, number});
        if (due_.size() == 1) {
            arm();
        }
    }

    void arm() const {
        itimerspec at{};
        at.it_value.tv_sec = due_.front().at / 1'000'000'000;
        at.it_value.tv_nsec = due_.front().at % 1'000'000'000;
        check(::timerfd_settime(timer_, TFD_TIMER_ABSTIME, &at, nullptr), "timerfd_settime");
    }

    void tick() {
        std::uint64_t expirations = 0;
        [[maybe_unused]] const auto got = ::read(timer_, &expirations, sizeof expirations);
        const std::int64_t now = now_ns();
        while (!due_.empty() && due_.front().at <= now) {
            const Due due = due_.front();
            due_.pop_front();
            step(due);
        }
        submit();
        if (!due_.empty()) {
            arm();
        }
    }

    void step(const Due& due) {
        const auto it = streams_.find(due.fd);
        if (it == streams_.end() || it->second.first != due.number) {
            return;
        }
        Stream& stream = it->second.second;
        if (stream.sent == settings_.deltas) {
            submit();
            send(due.fd, ending());
            return drop(due.fd);
        }
        if (settings_.uring) {
            queue_send(due.fd, settings_.stamp ? delta(fmt::format("{}", now_ns())) : word_);
        } else {
            send(due.fd, settings_.stamp ? delta(fmt::format("{}", now_ns())) : word_);
        }
        ++stream.sent;
        due_.push_back({due.at + settings_.every_ns, due.fd, due.number});
    }

    void queue_send(int fd, std::string bytes) {
        if (queued_.size() == k_ring) {
            submit();
        }
        queued_.push_back(std::move(bytes)); // a deque: what is queued never moves
        io_uring_sqe* entry = ::io_uring_get_sqe(&ring_);
        ::io_uring_prep_send(entry, fd, queued_.back().data(), queued_.back().size(), MSG_NOSIGNAL);
    }

    void submit() {
        if (queued_.empty()) {
            return;
        }
        const auto count = static_cast<unsigned>(queued_.size());
        check(::io_uring_submit_and_wait(&ring_, count), "io_uring_submit_and_wait");
        ::io_uring_cq_advance(&ring_, count);
        queued_.clear();
    }

    // A client that does not read is no part of this comparison.
    static void send(int fd, std::string_view bytes) {
        [[maybe_unused]] const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    }

    void drop(int fd) {
        streams_.erase(fd);
        ::close(fd);
    }

    static constexpr unsigned k_ring = 1024;

    Settings settings_;
    io_uring ring_{};
    std::deque<std::string> queued_; ///< the bytes of sends that were not submitted
    std::string word_;
    int epoll_ = -1, listener_ = -1, timer_ = -1;
    std::uint64_t number_ = 0;
    std::unordered_map<int, std::pair<std::uint64_t, Stream>> streams_;
    std::deque<Due> due_;
};

} // namespace

int main(int argc, char** argv) {
    raise_fd_limit();
    const Options options(argc, argv);
    Writer writer(
        options.number("--port", 0),
        {options.number("--deltas", 50),
         std::int64_t{options.number("--every-ms", 50)} * 1'000'000,
         options.number("--stamp", 0) == 1,
         options.number("--uring", 0) == 1}
    );
    writer.run();
}
