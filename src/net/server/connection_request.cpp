// The reading half of Connection: from bytes to an exchange.
#include "connection.hpp"
#include "exchange.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <new>

namespace oa_stream::net {

namespace {

/// A free coroutine: its frame keeps handler and exchange alive even if the server is destroyed.
/// Allocation failure ends the request: unwinding dropped the exchange, which answered or cut the
/// connection.
Task<void> run_handler(std::shared_ptr<ServerCore> core, std::shared_ptr<Exchange> exchange) {
    try {
        co_await core->handler(std::move(exchange));
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch)
    }
}

} // namespace

void Connection::begin_request() {
    phase_ = Phase::idle;
    deadline(leaving() ? core_->limits.last_request_timeout : core_->limits.idle_timeout);
    if (in_.empty()) {
        if (end_seen_) {
            close();
        }
        arm_read();
        return;
    }
    // Posted, so that a client that pipelines hundreds of requests does not nest as many handlers.
    asio::post(core_->executor, [self = shared_from_this()] {
        if (self->phase_ == Phase::idle) {
            self->guarded([&] { self->receive({}); });
        }
    });
}

void Connection::receive(std::string_view data) {
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
    auto status = RequestParser::Status::need_more;
    bool room = false;
    try {
        status = parse(bytes);
        room = body_fits();
    } catch (const std::bad_alloc&) { // NOLINT(bugprone-empty-catch): told like a full budget
    }
    room ? obey(status) : refuse_for_room();
}

RequestParser::Status Connection::parse(std::string_view bytes) {
    std::size_t consumed = 0;
    const auto status = parser_->feed(bytes, consumed);
    keep_rest(bytes, consumed);
    return status;
}

void Connection::obey(RequestParser::Status status) {
    switch (status) {
    case RequestParser::Status::need_more:
        await_more();
        return;
    case RequestParser::Status::head_whole:
        begin_exchange(false);
        return;
    case RequestParser::Status::complete:
        body_read_ ? finish_body() : begin_exchange(false);
        return;
    case RequestParser::Status::body_too_large:
        if (body_read_) {
            fail_body(Code::too_large, "the body is too large");
        } else {
            begin_exchange(true);
        }
        return;
    case RequestParser::Status::refused:
        const auto refusal = parser_->refusal();
        if (body_read_) {
            fail_body(Code::protocol, refusal.reason);
        } else {
            refuse(refusal.status, refusal.reason);
        }
        return;
    }
}

/// False when there are only empty lines, which RFC 9112 §2.2 says to ignore.
bool Connection::begin_head(std::string_view& bytes) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of("\r\n"), bytes.size()));
    if (bytes.empty()) {
        return false;
    }
    phase_ = Phase::head;
    received_ = Clock::now();
    parser_ = std::make_unique<RequestParser>(core_->limits, core_->hand_over);
    deadline(core_->limits.head_timeout);
    return true;
}

/// `bytes` is part of in_ or of the shared read buffer.
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
        await_body();
    }
    arm_read();
}

void Connection::begin_exchange(bool too_large) {
    no_deadline();
    phase_ = Phase::thinking;
    ++exchange_;
    auto request = parser_->take();
    traits_ = parser_->traits();
    scraped_ = request.path == "/metrics";
    const bool body_follows = !too_large && !parser_->done();
    const auto announced = body_follows ? parser_->body_left().value_or(0) : 0;
    if (!body_follows) {
        parser_.reset();
    }
    request.peer = peer_;
    request.secure = tls_ != nullptr;
    request.received = received_;
    request.body_too_large = too_large || announced > core_->limits.body_bytes;
    request.body_beyond_sieves = too_large;
    if (too_large) {
        request.body.clear();
    }
    unread_body_ = too_large;
    reuse_ = traits_.keep_alive && !too_large;
    if (!body_follows) { // otherwise the body's bytes would follow
        watch_peer();
    }
    auto exchange =
        std::make_shared<ConnectionExchange>(shared_from_this(), std::move(request), !body_follows);
    spawn(core_->executor, "http handler", run_handler(core_, std::move(exchange)));
}

/// Answers without the handler and ends the connection: the bytes that follow cannot be parsed.
void Connection::refuse(int status, std::string_view reason) {
    ++exchange_;
    const auto path = parser_ ? parser_->path() : std::string();
    parser_.reset();
    traits_ = {};
    reuse_ = false;
    unread_body_ = true;
    arm_read();
    write_page(status, reason, path);
}

} // namespace oa_stream::net
