// libcurl's multi interface driven by our io_context.
#pragma once

#include "oa_stream/base/task.hpp"

#include "socket_set.hpp"

#include <boost/asio/steady_timer.hpp>
#include <curl/curl.h>

#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

namespace oa_stream::net {

class CurlTransfer;
enum class TlsTrouble;

/// libcurl must not be called from its own callbacks. Anything requested inside a callback (a new
/// transfer, cancel, resume, destruction) waits until libcurl has returned.
class CurlLoop : public std::enable_shared_from_this<CurlLoop> {
public:
    /// `pause`: see SocketSet. `connections`: the largest number, pooled ones included; 0: no
    /// limit.
    CurlLoop(const asio::any_io_executor& executor, Millis pause, std::size_t connections);
    CurlLoop(const CurlLoop&) = delete;
    CurlLoop& operator=(const CurlLoop&) = delete;
    ~CurlLoop();

    [[nodiscard]] const asio::any_io_executor& executor() const noexcept { return executor_; }
    /// Calls `fn` at once, or as soon as libcurl returns.
    void run(std::function<void()> fn);
    /// Within run(): calls `fn`, which calls libcurl functions that may invoke callbacks.
    void inside(const std::function<void()>& fn);

    /// See SocketSet.
    void hurry();

    /// See HttpClient.
    [[nodiscard]] TlsTrouble tls_trouble() const noexcept { return tls_trouble_; }
    void note_tls_trouble(TlsTrouble trouble) noexcept { tls_trouble_ = trouble; }

    // Call only within run().
    /// False after shut().
    [[nodiscard]] bool add(CURL* easy, std::shared_ptr<CurlTransfer> transfer);
    void remove(CURL* easy);
    /// Ends all transfers as cancelled and closes every connection.
    void shut();

private:
    static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* unused);
    static int on_timer(CURLM* multi, long milliseconds, void* self);
    /// False: the socket cannot be watched.
    [[nodiscard]] bool want(curl_socket_t fd, int what);
    void act(curl_socket_t fd, int direction);
    void reap();
    void run_deferred();

    asio::any_io_executor executor_;
    asio::steady_timer timer_;
    Millis pause_;
    std::uint64_t timer_turn_ = 0;
    CURLM* multi_ = nullptr;
    std::shared_ptr<SocketSet> sockets_; ///< null: libcurl has not opened a socket yet
    std::unordered_map<CURL*, std::shared_ptr<CurlTransfer>> transfers_;
    std::deque<std::function<void()>> deferred_;
    bool inside_ = false;
    TlsTrouble tls_trouble_{};
};

} // namespace oa_stream::net
