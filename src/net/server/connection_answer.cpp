// The writing half of Connection.
#include "oa_stream/base/text.hpp"

#include "answer_stream.hpp"
#include "connection.hpp"

#include <boost/asio/post.hpp>

namespace oa_stream::net {

namespace {

/// For the rest of a short body whose request was already answered.
constexpr Millis k_skip{5000};

bool bodiless(int status) noexcept {
    return status == 204 || status == 304 || status / 100 == 1;
}

bool asks_to_close(const Headers& headers) {
    const auto value = headers.get("connection");
    return value && iequals(trim(*value), "close");
}

/// A length set by the caller, for example by a proxy that relays an answer.
std::optional<std::uint64_t> given_length(const Headers& headers) {
    const auto text = headers.get("content-length");
    return text ? number_of<std::uint64_t>(*text) : std::nullopt;
}

} // namespace

std::shared_ptr<Delivery> Connection::answer(std::uint64_t id, Response response) {
    auto delivery = std::make_shared<Delivery>();
    if (id != exchange_ || phase_ != Phase::thinking) {
        delivery->state = Delivery::State::lost;
        return delivery;
    }
    settle_unread_body();
    delivery_ = delivery;
    payload_before_ = outbox_.payload_sent();
    write_whole(std::move(response));
    return delivery;
}

// only memory can fail; guarded() then cuts the connection
void Connection::abandon(std::uint64_t id) noexcept {
    if (id != exchange_ || phase_ != Phase::thinking) {
        return;
    }
    guarded([this] {
        settle_unread_body();
        reuse_ = false;
        write_page(500, "the request was dropped", {});
    });
}

void Connection::write_page(int status, std::string_view reason, std::string_view path) {
    write_whole(core_->page({status, reason, path, peer_, tls_ != nullptr, received_}));
}

void Connection::write_whole(Response response) {
    phase_ = Phase::answering;
    const bool bare = bodiless(response.status);
    if (bare) {
        response.headers.remove("content-length");
        response.body.clear();
    } else if (!traits_.head || !response.headers.has("content-length")) {
        response.headers.set("content-length", std::to_string(response.body.size()));
    }
    reuse_ = reuse_ && !leaving() && !asks_to_close(response.headers);
    const auto framing = bare || traits_.head ? Framing::none : Framing::length;
    const auto head = head_text(
        response.status,
        response.headers,
        {.framing = framing, .close = !reuse_, .http10 = traits_.http10}
    );
    if (traits_.head) {
        response.body.clear();
    }
    auto owner = std::make_shared<const std::string>(std::move(response.body));
    const Slice body{owner, *owner};
    deadline(core_->limits.write_timeout);
    after_write(outbox_.send(head, std::span(&body, 1), {}));
}

void Connection::settle_delivery(Delivery::State outcome) {
    if (delivery_) {
        const auto sent = outbox_.payload_sent() - payload_before_;
        std::exchange(delivery_, nullptr)->settle(outcome, sent);
    }
}

HeadShape Connection::shape_of(int status, const Headers& headers) const {
    HeadShape shape{.framing = Framing::chunked, .close = !reuse_, .http10 = traits_.http10};
    if (bodiless(status) || traits_.head) {
        shape.framing = Framing::none;
    } else if (const auto length = given_length(headers)) {
        shape.framing = Framing::length;
        shape.length = *length;
    } else if (traits_.http10) {
        shape.framing = Framing::until_close;
        shape.close = true;
    }
    return shape;
}

Result<std::shared_ptr<BodyStream>>
Connection::begin_stream(std::uint64_t id, int status, const Headers& headers) {
    if (peer_gone(id)) {
        lost();
        return fail(Code::network, "the peer left before the stream began");
    }
    if (id != exchange_ || phase_ != Phase::thinking) {
        return fail(Code::internal, "the request was answered already");
    }
    settle_unread_body();
    if (parser_) { // streams may last long: reading does not wait for the rest of the body
        give_up_body();
    }
    reuse_ = reuse_ && !core_->stopping && !asks_to_close(headers);
    const auto shape = shape_of(status, headers);
    reuse_ = !shape.close;
    phase_ = Phase::streaming;
    outbox_.hold(head_text(status, headers, shape));
    // The head waits for the loop's next turn, so that a first send() is written together with it.
    asio::post(core_->executor, [self = shared_from_this()] {
        if (!self->outbox_.empty() && !self->outbox_.blocked()) {
            self->guarded([&] { self->flush(); });
        }
    });
    auto stream = std::make_shared<AnswerStream>(shared_from_this(), shape.framing, shape.length);
    stream_ = stream;
    watch_peer();
    return stream;
}

void Connection::finish_stream(Outbox::Io io) {
    if (phase_ != Phase::streaming) {
        return;
    }
    phase_ = Phase::finishing;
    deadline(core_->limits.write_timeout);
    after_write(io);
}

void Connection::after_write(Outbox::Io io) {
    switch (io) {
    case Outbox::Io::done:
        drained();
        return;
    case Outbox::Io::full:
        arm_write();
        return;
    case Outbox::Io::broken:
        lost();
        return;
    }
}

void Connection::arm_write() {
    if (writing_ || phase_ == Phase::closed) {
        return;
    }
    writing_ = true;
    socket_.async_wait(
        asio::posix::stream_descriptor::wait_write,
        [self = shared_from_this()](const boost::system::error_code& error) {
            self->writing_ = false;
            if (!error) {
                self->guarded([&] { self->on_socket_writable(); });
            }
        }
    );
}

void Connection::on_socket_writable() {
    if (phase_ == Phase::shaking) {
        shake();
        return;
    }
    if (std::exchange(read_waits_, false)) {
        on_readable();
    }
    if (phase_ != Phase::closed) {
        flush();
    }
}

void Connection::flush() {
    after_write(outbox_.flush());
}

void Connection::drained() {
    if (phase_ == Phase::answering || phase_ == Phase::finishing) {
        end_exchange();
    } else if (const auto stream = stream_.lock(); stream && phase_ == Phase::streaming) {
        stream->drained();
    }
}

void Connection::end_exchange() {
    no_deadline();
    settle_delivery(Delivery::State::written);
    if (const auto stream = std::exchange(stream_, {}).lock()) {
        stream->through();
    }
    if (reuse_ && parser_) {
        phase_ = Phase::skipping;
        deadline(k_skip);
        skip({});
    } else if (reuse_ && !leaving()) {
        begin_request();
    } else {
        linger();
    }
}

} // namespace oa_stream::net
