#include "answer_stream.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace oa_stream::net {

AnswerStream::AnswerStream(
    std::shared_ptr<Connection> connection, Framing framing, std::uint64_t length
)
    : connection_(std::move(connection)), executor_(connection_->executor()),
      bytes_before_(connection_->outbox().payload_sent()), length_left_(length), framing_(framing) {
}

// only lack of memory can throw, which ends the program
AnswerStream::~AnswerStream() {
    // Dropped before finish(): the peer must not mistake the body for complete.
    if (!finished_) {
        cut();
    }
}

BodyStream::State AnswerStream::state() const noexcept {
    if (!connection_) {
        return State::gone;
    }
    return blocked_ ? State::blocked : State::open;
}

BodyStream::State AnswerStream::send(std::span<const Slice> slices) {
    if (!connection_ || finished_) {
        return State::gone;
    }
    if (blocked_) {
        throw std::logic_error("BodyStream::send while blocked");
    }
    std::uint64_t size = 0;
    for (const auto& slice : slices) {
        size += slice.bytes.size();
    }
    // An empty chunk would end the body.
    if (size == 0 || framing_ == Framing::none) {
        return State::open;
    }
    return send_framed(slices, size);
}

BodyStream::State AnswerStream::send_framed(std::span<const Slice> slices, std::uint64_t size) {
    auto& outbox = connection_->outbox();
    auto io = Outbox::Io::done;
    if (framing_ == Framing::chunked) {
        const ChunkLine line(size);
        io = outbox.send(line.text(), slices, "\r\n");
    } else {
        if (framing_ == Framing::length && size > length_left_) {
            cut(); // bytes beyond the announced length would be read as the next answer
            return State::gone;
        }
        length_left_ -= std::min(size, length_left_);
        io = outbox.send({}, slices, {});
    }
    if (io == Outbox::Io::done) [[likely]] {
        return State::open;
    }
    blocked_ = io == Outbox::Io::full;
    connection_->after_write(io);
    return state();
}

void AnswerStream::finish() {
    if (!connection_ || finished_) {
        return;
    }
    if (framing_ == Framing::length && length_left_ != 0) {
        cut();
        return;
    }
    finished_ = true;
    auto& outbox = connection_->outbox();
    const auto io =
        framing_ == Framing::chunked ? outbox.send("0\r\n\r\n", {}, {}) : outbox.flush();
    connection_->finish_stream(io);
}

void AnswerStream::cut() {
    if (!connection_) {
        return;
    }
    on_gone_ = nullptr;
    const auto connection = connection_;
    let_go();
    connection->cut();
}

void AnswerStream::on_writable(std::function<void()> fn) {
    on_writable_ = std::move(fn);
}

void AnswerStream::on_gone(std::function<void()> fn) {
    on_gone_ = std::move(fn);
    if (lost_) {
        announce_gone();
    }
}

std::uint64_t AnswerStream::bytes_sent() const noexcept {
    return connection_ ? connection_->outbox().payload_sent() - bytes_before_ : bytes_total_;
}

void AnswerStream::drained() {
    if (!std::exchange(blocked_, false) || !on_writable_) {
        return;
    }
    // The callback may replace itself, or drop the stream.
    auto fn = std::exchange(on_writable_, nullptr);
    fn();
    if (!on_writable_) {
        on_writable_ = std::move(fn);
    }
}

void AnswerStream::lost() {
    if (!connection_) {
        return;
    }
    let_go();
    lost_ = true;
    announce_gone();
}

void AnswerStream::through() {
    if (connection_) {
        let_go();
    }
}

void AnswerStream::let_go() {
    bytes_total_ = bytes_sent();
    blocked_ = false;
    connection_.reset();
}

/// Posted, because the loss may be found inside a send() of the code that this notifies.
void AnswerStream::announce_gone() {
    if (!on_gone_) {
        return;
    }
    asio::post(executor_, [weak = weak_from_this()] {
        const auto self = weak.lock();
        if (self && self->on_gone_) {
            std::exchange(self->on_gone_, nullptr)();
        }
    });
}

} // namespace oa_stream::net
