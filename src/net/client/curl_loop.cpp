#include "curl_loop.hpp"

#include "oa_stream/base/lists.hpp"

#include "curl_transfer.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace oa_stream::net {

CurlLoop::CurlLoop(const asio::any_io_executor& executor, Millis pause, std::size_t connections)
    : executor_(executor), timer_(executor), pause_(pause) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    multi_ = curl_multi_init();
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(connections));
}

CurlLoop::~CurlLoop() {
    shut();
}

void CurlLoop::run(std::function<void()> fn) {
    deferred_.push_back(std::move(fn));
    if (!inside_) {
        run_deferred();
    }
}

void CurlLoop::inside(const std::function<void()>& fn) {
    const bool before = std::exchange(inside_, true);
    fn();
    inside_ = before;
}

void CurlLoop::run_deferred() {
    const auto self = weak_from_this().lock(); // a deferred call may drop the last owner
    while (!inside_ && !deferred_.empty()) {
        const auto fn = std::move(deferred_.front());
        deferred_.pop_front();
        fn();
    }
}

void CurlLoop::hurry() {
    if (sockets_) {
        sockets_->hurry();
    }
}

bool CurlLoop::add(CURL* easy, std::shared_ptr<CurlTransfer> transfer) {
    if (multi_ == nullptr) {
        return false;
    }
    transfers_[easy] = std::move(transfer);
    if (curl_multi_add_handle(multi_, easy) == CURLM_OK) {
        return true;
    }
    transfers_.erase(easy);
    return false;
}

void CurlLoop::remove(CURL* easy) {
    if (transfers_.erase(easy) != 0) {
        inside([&] { curl_multi_remove_handle(multi_, easy); });
    }
}

void CurlLoop::shut() {
    if (multi_ == nullptr) {
        return;
    }
    const auto running = mapped(transfers_, [](const auto& one) { return one.second; });
    for (const auto& transfer : running) {
        transfer->abort(*this);
    }
    inside([&] { curl_multi_cleanup(std::exchange(multi_, nullptr)); });
    if (sockets_) {
        sockets_->clear();
    }
    ++timer_turn_;
    timer_.cancel();
}

int CurlLoop::on_socket(CURL* /*easy*/, curl_socket_t fd, int what, void* self, void* /*unused*/) {
    auto& loop = *static_cast<CurlLoop*>(self);
    if (what != CURL_POLL_REMOVE) {
        return loop.want(fd, what) ? 0 : -1;
    }
    if (loop.sockets_) {
        loop.sockets_->drop(fd);
    }
    return 0;
}

int CurlLoop::on_timer(CURLM* /*multi*/, long milliseconds, void* self) {
    auto& loop = *static_cast<CurlLoop*>(self);
    const auto turn = ++loop.timer_turn_;
    if (milliseconds < 0) {
        loop.timer_.cancel();
        return 0;
    }
    loop.timer_.expires_after(Millis(milliseconds));
    loop.timer_.async_wait([weak = loop.weak_from_this(),
                            turn](const boost::system::error_code& error) {
        const auto alive = weak.lock();
        if (!error && alive && turn == alive->timer_turn_) {
            alive->act(CURL_SOCKET_TIMEOUT, 0);
        }
    });
    return 0;
}

bool CurlLoop::want(curl_socket_t fd, int what) {
    if (!sockets_) {
        auto ready = [weak = weak_from_this()](int socket, SocketSet::Directions ready) {
            if (const auto self = weak.lock()) {
                self->act(
                    socket, (ready.in ? CURL_CSELECT_IN : 0) | (ready.out ? CURL_CSELECT_OUT : 0)
                );
            }
        };
        sockets_ = SocketSet::make(executor_, pause_, std::move(ready));
    }
    return sockets_ &&
           sockets_->want(
               fd, {.in = (what & CURL_POLL_IN) != 0, .out = (what & CURL_POLL_OUT) != 0}
           );
}

void CurlLoop::act(curl_socket_t fd, int direction) {
    if (multi_ == nullptr) {
        return;
    }
    int running = 0;
    inside([&] { curl_multi_socket_action(multi_, fd, direction, &running); });
    reap();
    run_deferred();
}

void CurlLoop::reap() {
    int left = 0;
    while (multi_ != nullptr) {
        const auto* const message = curl_multi_info_read(multi_, &left);
        if (message == nullptr) {
            return;
        }
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        const auto code = message->data.result; // invalid once the handle is removed
        const auto found = transfers_.find(message->easy_handle);
        if (found != transfers_.end()) {
            const auto transfer = found->second;
            transfer->ended(code);
        }
    }
}

} // namespace oa_stream::net
