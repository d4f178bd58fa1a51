// The reading half of Connection: from bytes to an exchange.
#include "connection.hpp"
#include "exchange.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace oa_stream::net {

namespace {

/// Free coroutine: its frame keeps handler and exchange alive, whatever becomes of the server.
Task<void> run_handler(std::shared_ptr<ServerCore> core, std::shared_ptr<Exchange> exchange) {
    co_await core->handler(std::move(exchange));
}

} // namespace

void Connection::begin_request() {
    phase_ = Phase::idle;
    deadline(core_->limits.idle_timeout);
    if (in_.empty()) {
        if (end_seen_) {
            close();
        }
        arm_read();
        return;
    }
    // Posted: a client that sends hundreds of requests ahead must not nest as many handlers.
    asio::post(core_->executor, [self = shared_from_this()] {
        if (self->phase_ == Phase::idle) {
            self->take({});
        }
    });
}

void Connection::take(std::string_view data) {
    std::string_view bytes = data;
    if (!in_.empty()) {
        in_.append(data);
        bytes = in_;
    }
    if (phase_ == Phase::idle && !begin_head(bytes)) {
        in_.clear();
        await_more();
        return;
    }
    std::size_t consumed = 0;
    const auto status = parser_->feed(bytes, consumed);
    keep_rest(bytes, consumed);
    switch (status) {
    case RequestParser::Status::need_more:
        await_more();
        return;
    case RequestParser::Status::complete:
        begin_exchange(false);
        return;
    case RequestParser::Status::body_too_large:
        begin_exchange(true);
        return;
    case RequestParser::Status::refused:
        const auto refusal = parser_->refusal();
        refuse(refusal.status, refusal.reason);
        return;
    }
}

/// False when there is nothing but empty lines, which RFC 9112 §2.2 wants ignored.
bool Connection::begin_head(std::string_view& bytes) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
    if (bytes.empty()) {
        return false;
    }
    phase_ = Phase::head;
    received_ = Clock::now();
    parser_ = std::make_unique<RequestParser>(core_->limits.header_bytes, core_->limits.body_bytes);
    deadline(core_->limits.head_timeout);
    return true;
}

/// `bytes` lies in in_ or in the shared read buffer.
void Connection::keep_rest(std::string_view bytes, std::size_t consumed) {
    const auto rest = bytes.substr(consumed);
    if (in_.empty()) {
        in_.assign(rest);
    } else {
        in_.erase(0, in_.size() - rest.size());
    }
}

void Connection::await_more() {
    if (end_seen_) {
        close();
        return;
    }
    if (phase_ == Phase::head && parser_->head_done()) {
        phase_ = Phase::body;
        deadline(core_->limits.body_timeout);
        if (parser_->traits().continue_wanted) {
            after_write(outbox_.send("HTTP/1.1 100 Continue\r\n\r\n", {}, {}));
        }
    }
    arm_read();
}

void Connection::begin_exchange(bool too_large) {
    no_deadline();
    phase_ = Phase::thinking;
    ++exchange_;
    auto request = parser_->take();
    traits_ = parser_->traits();
    parser_.reset();
    request.peer = peer_;
    request.secure = tls_ != nullptr;
    request.received = received_;
    request.body_too_large = too_large;
    if (too_large) {
        request.body.clear();
    }
    unread_body_ = too_large;
    reuse_ = traits_.keep_alive && !too_large;
    watch_peer();
    auto exchange = std::make_shared<ConnectionExchange>(shared_from_this(), std::move(request));
    spawn(core_->executor, "http handler", run_handler(core_, std::move(exchange)));
}

/// Answers without the handler and ends the connection: the bytes that follow make no sense to us.
void Connection::refuse(int status, std::string_view reason) {
    ++exchange_;
    parser_.reset();
    traits_ = {};
    reuse_ = false;
    unread_body_ = true;
    arm_read();
    write_whole(core_->page(status, reason));
}

} // namespace oa_stream::net
