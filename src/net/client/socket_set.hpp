// Many sockets of somebody else's, watched with one wait of asio's.
#pragma once

#include "oa_stream/base/process.hpp"
#include "oa_stream/base/task.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

namespace oa_stream::net {

/// Asio asks the kernel anew for each wait of each socket. Here sockets stay in an epoll of their
/// own, which tells of them for as long as they are ready, and asio waits for that one alone.
class SocketSet : public std::enable_shared_from_this<SocketSet> {
public:
    /// What a socket is to tell, and what it told.
    struct Directions {
        bool in = false;
        bool out = false;
    };
    using Ready = std::function<void(int socket, Directions directions)>;

    /// Null: the process has no descriptor left.
    [[nodiscard]] static std::shared_ptr<SocketSet>
    make(const asio::any_io_executor& executor, Ready ready);
    SocketSet(const asio::any_io_executor& executor, Descriptor epoll, Ready ready);

    /// False: the kernel does not watch it.
    [[nodiscard]] bool want(int socket, Directions directions);
    /// Before it is closed.
    void drop(int socket);
    void clear();

private:
    struct Entry {
        std::uint32_t turn = 0; ///< a socket with the number of a closed one is another
        Directions wanted{};
    };

    void unwatch(int socket, Entry& entry);
    void arm();
    void tell();

    asio::posix::stream_descriptor epoll_;
    Ready ready_;
    std::unordered_map<int, Entry> entries_;
    std::uint32_t turn_ = 0;
    std::size_t watched_ = 0;
    bool waiting_ = false;
};

} // namespace oa_stream::net
