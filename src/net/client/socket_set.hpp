// Watches many foreign sockets through a single asio wait.
#pragma once

#include "oa_stream/base/process.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/event_rate.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace oa_stream::net {

/// Asio makes a kernel call for each wait on each socket. Here sockets stay registered in a
/// separate epoll, which reports them as long as they are ready, and asio only waits for that one.
class SocketSet : public std::enable_shared_from_this<SocketSet> {
public:
    /// The directions that a socket waits for, or that are ready.
    struct Directions {
        bool in = false;
        bool out = false;
    };
    using Ready = std::function<void(int socket, Directions directions)>;

    /// `pause`: interval between checks while sockets are busy; zero: each event is reported at
    /// once. A wake-up for each of many small pieces costs more than processing the pieces. Null:
    /// the process has no free descriptor.
    [[nodiscard]] static std::shared_ptr<SocketSet>
    make(const asio::any_io_executor& executor, Millis pause, Ready ready);
    SocketSet(const asio::any_io_executor& executor, Descriptor epoll, Millis pause, Ready ready);
    SocketSet(const SocketSet&) = delete;
    SocketSet& operator=(const SocketSet&) = delete;
    ~SocketSet();

    /// False: the kernel does not watch the socket.
    [[nodiscard]] bool want(int socket, Directions directions);
    /// Call before the socket is closed.
    void drop(int socket);
    void clear();
    /// A socket delivered a lot: more is waiting, and a pause must not delay it.
    void hurry();

private:
    struct Entry {
        std::uint32_t turn = 0; ///< tells apart sockets that reuse a number; 0: none
        Directions wanted{};
    };

    void unwatch(int socket, Entry& entry);
    void arm();
    void stop_watch();
    void notify();

    Descriptor epoll_;
    asio::posix::stream_descriptor watch_; ///< watches epoll_; not open during pauses
    asio::steady_timer timer_;
    Millis pause_;
    EventRate rate_; ///< never high without a pause
    Ready ready_;
    std::vector<Entry> entries_; ///< by socket number; these are small
    std::uint32_t turn_ = 0;
    std::size_t watched_ = 0;
    bool waiting_ = false;
    bool hurried_ = false; ///< the next check must not wait for the pause
};

} // namespace oa_stream::net
