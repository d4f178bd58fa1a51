#include "socket_set.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <utility>

namespace oa_stream::net {

namespace {

/// Sockets reported in one turn; then other work on the loop runs.
constexpr std::size_t k_batch = 64;
/// Events per second below which a pause does not pay off: two within its millisecond.
constexpr std::size_t k_many = 2'000;

constexpr std::uint64_t name_of(int socket, std::uint32_t turn) noexcept {
    return (std::uint64_t{turn} << 32U) | static_cast<std::uint32_t>(socket);
}

} // namespace

std::shared_ptr<SocketSet>
SocketSet::make(const asio::any_io_executor& executor, Millis pause, Ready ready) {
    Descriptor epoll(::epoll_create1(EPOLL_CLOEXEC));
    return epoll ? std::make_shared<SocketSet>(executor, std::move(epoll), pause, std::move(ready))
                 : nullptr;
}

SocketSet::SocketSet(
    const asio::any_io_executor& executor, Descriptor epoll, Millis pause, Ready ready
)
    : epoll_(std::move(epoll)), watch_(executor), timer_(executor), pause_(pause),
      rate_(k_many, Clock::now()), ready_(std::move(ready)) {
}

SocketSet::~SocketSet() {
    stop_watch();
}

bool SocketSet::want(int socket, Directions directions) {
    const auto at = static_cast<std::size_t>(socket);
    entries_.resize(std::max(entries_.size(), at + 1));
    Entry& entry = entries_[at];
    if (entry.turn == 0) {
        entry.turn = ++turn_;
    }
    if (!directions.in && !directions.out) {
        unwatch(socket, entry); // the kernel reports a broken one whatever is requested
        return true;
    }
    const bool watched = entry.wanted.in || entry.wanted.out;
    epoll_event event{};
    event.events = (directions.in ? EPOLLIN : 0U) | (directions.out ? EPOLLOUT : 0U);
    event.data.u64 = name_of(socket, entry.turn);
    const auto watch = [&](int how) { return ::epoll_ctl(epoll_.get(), how, socket, &event) == 0; };
    // A socket that was closed and reopened in between is no longer watched.
    if (!(watched && watch(EPOLL_CTL_MOD)) && !watch(EPOLL_CTL_ADD)) {
        return false;
    }
    watched_ += watched ? 0 : 1;
    entry.wanted = directions;
    arm();
    return true;
}

void SocketSet::drop(int socket) {
    const auto at = static_cast<std::size_t>(socket);
    if (at < entries_.size()) {
        unwatch(socket, entries_[at]);
        entries_[at] = {};
    }
}

void SocketSet::clear() {
    for (std::size_t at = 0; at < entries_.size(); ++at) {
        drop(static_cast<int>(at));
    }
}

void SocketSet::hurry() {
    hurried_ = true;
}

void SocketSet::unwatch(int socket, Entry& entry) {
    if (!entry.wanted.in && !entry.wanted.out) {
        return;
    }
    entry.wanted = {};
    epoll_event unused{};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, &unused);
    if (--watched_ == 0 && waiting_) { // an io_context without work ends
        timer_.cancel();
        if (watch_.is_open()) {
            watch_.cancel();
        }
    }
}

void SocketSet::arm() {
    if (waiting_ || watched_ == 0) {
        return;
    }
    waiting_ = true;
    auto awake = [weak = weak_from_this()](const boost::system::error_code& error) {
        if (const auto self = weak.lock()) {
            self->waiting_ = false;
            if (!error) {
                self->notify();
            }
            self->arm();
        }
    };
    if (rate_.many()) {
        stop_watch();
        timer_.expires_after(hurried_ ? Millis::zero() : pause_);
        timer_.async_wait(std::move(awake));
        return;
    }
    if (!watch_.is_open()) {
        watch_.assign(epoll_.get());
    }
    watch_.async_wait(asio::posix::stream_descriptor::wait_read, std::move(awake));
}

/// asio's epoll would wake the loop for each event of this descriptor, even while nothing waits for
/// it.
void SocketSet::stop_watch() {
    if (watch_.is_open()) {
        watch_.release(); // epoll_ owns and closes it
    }
}

void SocketSet::notify() {
    std::array<epoll_event, k_batch> events{};
    const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 0);
    hurried_ = count == static_cast<int>(k_batch);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events.at(static_cast<std::size_t>(i));
        const int socket = static_cast<int>(event.data.u64 & 0xffffffffU);
        // An earlier callback may have closed this socket, or changed its directions.
        const Entry entry = entries_[static_cast<std::size_t>(socket)];
        if (name_of(socket, entry.turn) != event.data.u64) {
            continue;
        }
        const bool broken = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
        const Directions wanted = entry.wanted;
        const Directions ready{
            .in = wanted.in && (broken || (event.events & EPOLLIN) != 0),
            .out = wanted.out && (broken || (event.events & EPOLLOUT) != 0),
        };
        if (ready.in || ready.out) {
            ready_(socket, ready);
        }
    }
    if (pause_ > Millis::zero()) {
        rate_.add(static_cast<std::size_t>(std::max(count, 0)), Clock::now());
    }
}

} // namespace oa_stream::net
