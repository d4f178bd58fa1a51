// The little that the benchmark programs share.
#pragma once

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <string>
#include <string_view>

namespace oa_stream::bench {

/// CLOCK_MONOTONIC: one clock for all processes of this machine.
inline std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

[[noreturn]] inline void die(std::string_view what) {
    fmt::print(stderr, "{}: {}\n", what, std::strerror(errno));
    std::exit(1);
}

inline int check(int result, std::string_view what) {
    if (result < 0) {
        die(what);
    }
    return result;
}

inline void set_nonblocking(int fd) {
    check(::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK), "fcntl");
}

/// As many descriptors as we may have.
inline void raise_fd_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// "--name value" pairs.
class Options {
public:
    Options(int argc, char** argv) {
        for (int i = 1; i + 1 < argc; i += 2) {
            values_[argv[i]] = argv[i + 1];
        }
    }
    [[nodiscard]] std::string text(const std::string& name, std::string fallback = {}) const {
        const auto it = values_.find(name);
        return it == values_.end() ? std::move(fallback) : it->second;
    }
    [[nodiscard]] int number(const std::string& name, int fallback) const {
        const std::string value = text(name);
        int out = fallback;
        std::from_chars(value.data(), value.data() + value.size(), out);
        return out;
    }

private:
    std::map<std::string, std::string> values_;
};

} // namespace oa_stream::bench
