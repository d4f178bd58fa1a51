// Accepts connections from a listening socket while there is room for them.
#pragma once

#include "oa_stream/base/task.hpp"

#include "listener.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>

namespace oa_stream::net {

class Acceptor : public std::enable_shared_from_this<Acceptor> {
public:
    struct Hooks {
        std::function<bool()> room;              ///< false pauses until resume()
        std::function<void(Descriptor)> accepted; ///< non-blocking, close-on-exec
    };

    Acceptor(const asio::any_io_executor& executor, Listener listener, Hooks hooks);
    ~Acceptor();
    Acceptor(const Acceptor&) = delete;
    Acceptor& operator=(const Acceptor&) = delete;

    void start() { arm(); }
    /// Call when there is room again.
    void resume();
    /// Accepts what the kernel has queued (it would be reset otherwise), and stops.
    void finish();
    /// Closes the socket and removes a unix socket's file.
    void stop();
    [[nodiscard]] const Endpoint& endpoint() const noexcept { return endpoint_; }

private:
    enum class Step { more, drained, exhausted };
    void arm();
    void accept_some();
    [[nodiscard]] Step accept_one();
    void back_off();
    void remove_file() const;

    asio::posix::stream_descriptor socket_;
    asio::steady_timer pause_;
    Endpoint endpoint_;
    dev_t device_;
    ino_t inode_;
    Hooks hooks_;
    bool armed_ = false;
    bool backing_off_ = false;
};

} // namespace oa_stream::net
