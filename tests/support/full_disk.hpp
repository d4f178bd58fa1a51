// A disk that is full, for the files that this process writes.
#pragma once

#include <sys/resource.h>

#include <csignal>

/// While it lives and is `full`, no file of this process gets another byte.
class FullDisk {
public:
    /// The limit's signal is ignored, as it is from main() on.
    /// `room`: so many bytes of a file fit, as in what the journal has reserved.
    explicit FullDisk(bool full, rlim_t room = 0) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit none{.rlim_cur = room, .rlim_max = before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, full ? &none : &before_);
    }
    ~FullDisk() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
    FullDisk(FullDisk&&) = delete;
    FullDisk& operator=(FullDisk&&) = delete;

private:
    rlimit before_{};
    void (*handler_)(int);
};
