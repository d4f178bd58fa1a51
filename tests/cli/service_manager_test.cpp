#include "serve/service_manager.hpp"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

using oa_stream::Millis;
using oa_stream::cli::stopping_state;
using oa_stream::cli::tell_service_manager;

namespace {

/// A manager's socket at `name`; '@' in front: an abstract one.
class Manager {
public:
    explicit Manager(std::string name)
        : name_(std::move(name)), fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        name_.copy(std::begin(where.sun_path), name_.size());
        auto size = offsetof(sockaddr_un, sun_path) + name_.size() + 1;
        if (name_.front() == '@') {
            where.sun_path[0] = '\0';
            --size;
        }
        REQUIRE(
            ::bind(fd_, reinterpret_cast<const sockaddr*>(&where), static_cast<socklen_t>(size)) ==
            0
        );
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    ~Manager() {
        ::close(fd_);
        ::unlink(name_.c_str());
    }
    [[nodiscard]] std::string heard() const {
        std::array<char, 200> buffer{};
        const auto got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
        return got < 0 ? std::string("nothing")
                       : std::string(buffer.data(), static_cast<std::size_t>(got));
    }

private:
    std::string name_;
    int fd_;
};

} // namespace

TEST_CASE("a service manager hears at a path and at an abstract name", "[service]") {
    const std::string unique = std::to_string(::getpid());
    for (const std::string& name : {"/tmp/oa-notify-" + unique, "@oa-notify-" + unique}) {
        const Manager manager(name);
        CHECK(manager.heard() == "nothing");
        tell_service_manager(name, "READY=1");
        CHECK(manager.heard() == "READY=1");
    }
}

TEST_CASE("a service manager hears how long a drain may last, and a little more", "[service]") {
    CHECK(
        stopping_state("Draining 2 turns", Millis(600000)) ==
        "STOPPING=1\nEXTEND_TIMEOUT_USEC=630000000\nSTATUS=Draining 2 turns"
    );
    CHECK(stopping_state("", Millis(0)) == "STOPPING=1\nEXTEND_TIMEOUT_USEC=30000000\nSTATUS=");
}
