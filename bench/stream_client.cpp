// A light load client: N concurrent streams from one epoll loop. Counts frames, checks that every
// stream was a 200 that ended with [DONE] and its last HTTP chunk, and prints one JSON line.
//
//   bench_stream_client --port P --path /api/chat/stream --prompt TEXT --streams N
//                       [--per-second 2000] [--limit-s 120] [--stamps FILE]
//
// --stamps FILE writes "<ns> <delta text>" for each text delta as it arrives.
#include "posix.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <vector>

using namespace oa_stream::bench;

namespace {

constexpr std::string_view k_delta = "data: {\"type\":\"text-delta\"";
constexpr std::size_t k_gap_buckets = 20'000; // of 1 ms

struct Stream {
    int fd = -1;
    std::string line;   ///< of the body, unfinished
    bool head_done = false;
    bool ok_status = false;
    bool done = false;  ///< [DONE] was read
    bool ended = false; ///< and the last chunk
    std::int64_t last_delta_ns = 0;
};

struct Totals {
    std::uint64_t frames = 0, deltas = 0, bytes = 0;
    int good = 0, bad = 0;
    std::array<std::uint32_t, k_gap_buckets> gaps{};
};

class Client {
public:
    explicit Client(const Options& options)
        : wanted_(static_cast<std::size_t>(options.number("--streams", 1))),
          per_second_(std::max(1, options.number("--per-second", 2000))),
          limit_ns_(std::int64_t{options.number("--limit-s", 120)} * 1'000'000'000),
          path_(options.text("--path", "/api/chat/stream")),
          prompt_(options.text("--prompt", "hello")) {
        address_.sin_family = AF_INET;
        address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address_.sin_port = htons(static_cast<std::uint16_t>(options.number("--port", 0)));
        epoll_ = check(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
        streams_.resize(wanted_);
        if (const std::string file = options.text("--stamps"); !file.empty()) {
            stamps_ = std::fopen(file.c_str(), "we");
        }
    }

    int run() {
        const std::int64_t begin = now_ns();
        std::size_t opened = 0;
        std::vector<epoll_event> events(1024);
        while (finished_ < wanted_ && now_ns() - begin < limit_ns_) {
            const auto due = static_cast<std::size_t>(
                static_cast<double>(now_ns() - begin) / 1e9 * per_second_ + 1
            );
            for (; opened < std::min(due, wanted_); ++opened) {
                open(opened);
            }
            const int wait = opened < wanted_ ? 1 : 100;
            const int count =
                ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait);
            for (int i = 0; i < count; ++i) {
                read(events[static_cast<std::size_t>(i)].data.u64);
            }
        }
        totals_.bad += static_cast<int>(wanted_ - finished_);
        report(static_cast<double>(now_ns() - begin) / 1e9);
        return totals_.bad == 0 ? 0 : 1;
    }

private:
    void open(std::size_t index) {
        Stream& stream = streams_[index];
        stream.fd = check(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
        const int on = 1;
        ::setsockopt(stream.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        check(
            ::connect(stream.fd, reinterpret_cast<sockaddr*>(&address_), sizeof address_), "connect"
        );
        set_nonblocking(stream.fd);
        const std::string body = fmt::format(
            R"({{"id":"bench_{}_{}","messages":[{{"role":"user","content":"{}"}}]}})",
            ::getpid(),
            index,
            prompt_
        );
        const std::string request = fmt::format(
            "POST {} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            "content-length: {}\r\n\r\n{}",
            path_,
            body.size(),
            body
        );
        if (::send(stream.fd, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
            die("send");
        }
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = index;
        check(::epoll_ctl(epoll_, EPOLL_CTL_ADD, stream.fd, &event), "epoll_ctl");
    }

    void read(std::size_t index) {
        Stream& stream = streams_[index];
        std::array<char, 16384> buffer{};
        const ssize_t got = ::read(stream.fd, buffer.data(), buffer.size());
        if (got < 0 && errno == EAGAIN) {
            return;
        }
        if (got <= 0) {
            return finish(stream);
        }
        totals_.bytes += static_cast<std::uint64_t>(got);
        take(stream, {buffer.data(), static_cast<std::size_t>(got)}, now_ns());
        if (stream.ended) {
            finish(stream);
        }
    }

    // Chunk sizes stand on lines of their own, so lines are all that has to be looked at.
    void take(Stream& stream, std::string_view bytes, std::int64_t at) {
        while (!bytes.empty()) {
            const std::size_t end = bytes.find('\n');
            stream.line.append(bytes.substr(0, end));
            if (end == std::string_view::npos) {
                return;
            }
            on_line(stream, at);
            stream.line.clear();
            bytes.remove_prefix(end + 1);
        }
    }

    void on_line(Stream& stream, std::int64_t at) {
        const std::string_view line = stream.line;
        if (!stream.head_done) {
            stream.ok_status = stream.ok_status || line.starts_with("HTTP/1.1 200");
            stream.head_done = line == "\r";
        } else if (line.starts_with("data: ")) {
            ++totals_.frames;
            stream.done = line == "data: [DONE]";
            if (line.starts_with(k_delta)) {
                on_delta(stream, line, at);
            }
        } else if (line == "0\r") {
            stream.ended = stream.done;
        }
    }

    void on_delta(Stream& stream, std::string_view line, std::int64_t at) {
        ++totals_.deltas;
        if (stream.last_delta_ns != 0) {
            const auto bucket = static_cast<std::size_t>((at - stream.last_delta_ns) / 1'000'000);
            ++totals_.gaps[std::min(bucket, k_gap_buckets - 1)];
        }
        stream.last_delta_ns = at;
        if (stamps_ != nullptr) {
            const std::size_t from = line.find("\"delta\":\"") + 9;
            fmt::print(stamps_, "{} {}\n", at, line.substr(from, line.find('"', from) - from));
        }
    }

    void finish(Stream& stream) {
        ++(stream.ok_status && stream.ended ? totals_.good : totals_.bad);
        ::close(stream.fd);
        stream.fd = -1;
        ++finished_;
    }

    [[nodiscard]] std::size_t gap_at(double share) const {
        std::uint64_t all = 0;
        for (const std::uint32_t count : totals_.gaps) {
            all += count;
        }
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < totals_.gaps.size(); ++i) {
            sum += totals_.gaps[i];
            if (static_cast<double>(sum) >= share * static_cast<double>(all)) {
                return i;
            }
        }
        return 0;
    }

    void report(double wall_s) {
        if (stamps_ != nullptr) {
            std::fclose(stamps_);
        }
        fmt::print(
            R"({{"streams":{},"good":{},"bad":{},"frames":{},"deltas":{},"bytes":{},"wall_s":{:.3f},"gap_ms":{{"p50":{},"p99":{},"max":{}}}}})"
            "\n",
            wanted_,
            totals_.good,
            totals_.bad,
            totals_.frames,
            totals_.deltas,
            totals_.bytes,
            wall_s,
            gap_at(0.5),
            gap_at(0.99),
            gap_at(1.0)
        );
    }

    std::size_t wanted_;
    int per_second_;
    std::int64_t limit_ns_;
    std::string path_, prompt_;
    sockaddr_in address_{};
    int epoll_ = -1;
    std::FILE* stamps_ = nullptr;
    std::vector<Stream> streams_;
    std::size_t finished_ = 0;
    Totals totals_{};
};

} // namespace

int main(int argc, char** argv) {
    raise_fd_limit();
    return Client(Options(argc, argv)).run();
}
