// Reads the body of a request whose head the handler already has.
#include "connection.hpp"

#include <utility>

namespace oa_stream::net {

namespace {

/// Up to this much of an unread body is discarded to keep the connection. Closing the connection is
/// cheaper for both sides than a longer rest.
constexpr std::uint64_t k_skip_bytes = 64U << 10U;

} // namespace

void BodyRead::settle(Result<std::string> body) {
    outcome.emplace(std::move(body));
    if (waiter != nullptr) {
        waiter->cancel();
    }
}

std::shared_ptr<BodyRead>
Connection::read_body(std::uint64_t id, std::unique_ptr<BodySieve> sieve, std::string owner) {
    auto read = std::make_shared<BodyRead>();
    if (id != exchange_ || phase_ != Phase::thinking || !parser_) {
        read->settle(fail(Code::network, "the body cannot be read any more"));
        return read;
    }
    read->share = BodyBudget::Share(core_->budget, std::move(owner));
    body_read_ = read;
    parser_->sieve_body(std::move(sieve));
    await_body();
    if (read->pending()) { // otherwise the peer left when it was told to continue
        receive({});
    }
    return read;
}

void Connection::await_body() {
    const bool asked = parser_->traits().continue_wanted && in_.empty();
    phase_ = Phase::body;
    deadline(core_->limits.body_timeout);
    if (asked) {
        after_write(outbox_.send("HTTP/1.1 100 Continue\r\n\r\n", {}, {}));
    }
}

bool Connection::body_fits() {
    return !body_read_ || body_read_->share.resize(parser_->body_bytes());
}

void Connection::refuse_for_room() {
    if (body_read_) {
        fail_body(Code::unavailable, "there is no room for the body");
    } else {
        refuse(503, "there is no room for the request");
    }
}

void Connection::finish_body() {
    if (!body_read_->share.hold()) {
        refuse_for_room();
        return;
    }
    auto body = parser_->take_body();
    parser_.reset();
    no_deadline();
    phase_ = Phase::thinking;
    watch_peer();
    std::exchange(body_read_, nullptr)->settle(std::move(body));
}

/// The handler answers; the bytes that follow cannot be parsed.
void Connection::fail_body(Code code, std::string_view what) {
    body_read_->share.release();
    give_up_body();
    no_deadline();
    phase_ = Phase::thinking;
    watch_peer();
    std::exchange(body_read_, nullptr)->settle(fail(code, std::string(what)));
}

void Connection::give_up_body() {
    parser_.reset();
    in_.clear();
    unread_body_ = true;
    reuse_ = false;
}

/// Called when a request is answered before its body was read. Discards the part that has arrived,
/// and the rest if it is short and being sent: a client that was told to wait may never send it.
void Connection::settle_unread_body() {
    if (!parser_) {
        return;
    }
    parser_->discard_body();
    const auto status = parse(in_);
    const auto left = parser_->body_left();
    if (status == RequestParser::Status::complete) {
        parser_.reset();
    } else if (status != RequestParser::Status::need_more || !left || *left > k_skip_bytes ||
               traits_.continue_wanted) {
        give_up_body();
    }
}

void Connection::skip(std::string_view data) {
    std::string_view bytes = data;
    if (!in_.empty()) {
        in_.append(data);
        bytes = in_;
    }
    switch (parse(bytes)) {
    case RequestParser::Status::need_more:
        arm_read();
        return;
    case RequestParser::Status::complete:
        parser_.reset();
        if (core_->stopping) {
            linger();
        } else {
            begin_request();
        }
        return;
    default:
        close();
    }
}

} // namespace oa_stream::net
