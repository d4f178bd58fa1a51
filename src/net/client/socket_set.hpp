// Many sockets of somebody else's, watched with one wait of asio's.
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

/// Asio asks the kernel again for each wait of each socket. Here sockets stay in an epoll of their
/// own, which tells of them for as long as they are ready, and asio waits for that one alone.
class SocketSet : public std::enable_shared_from_this<SocketSet> {
public:
    /// What a socket is to tell, and what it told.
    struct Directions {
        bool in = false;
        bool out = false;
    };
    using Ready = std::function<void(int socket, Directions directions)>;

    /// `pause`: between two looks at sockets that tell much; zero: each is told of at once. A
    /// wake-up for each of many small pieces costs more than passing them on. Null: the process has
    /// no descriptor left.
    [[nodiscard]] static std::shared_ptr<SocketSet>
    make(const asio::any_io_executor& executor, Millis pause, Ready ready);
    SocketSet(const asio::any_io_executor& executor, Descriptor epoll, Millis pause, Ready ready);
    SocketSet(const SocketSet&) = delete;
    SocketSet& operator=(const SocketSet&) = delete;
    ~SocketSet();

    /// False: the kernel does not watch it.
    [[nodiscard]] bool want(int socket, Directions directions);
    /// Before it is closed.
    void drop(int socket);
    void clear();
    /// What a socket brought was much: there is more, and no pause may slow it.
    void hurry();

private:
    struct Entry {
        std::uint32_t turn = 0; ///< a socket with the number of a closed one is another; 0: none
        Directions wanted{};
    };

    void unwatch(int socket, Entry& entry);
    void arm();
    void stop_watch();
    void notify();

    Descriptor epoll_;
    asio::posix::stream_descriptor watch_; ///< of epoll_; not open during pauses
    asio::steady_timer timer_;
    Millis pause_;
    EventRate rate_; ///< never many without a pause
    Ready ready_;
    std::vector<Entry> entries_; ///< by the number of the socket, which are low
    std::uint32_t turn_ = 0;
    std::size_t watched_ = 0;
    bool waiting_ = false;
    bool hurried_ = false; ///< the next look must not wait for its pause
};

} // namespace oa_stream::net
