#include "outbox.hpp"

#include "tls/tls_session.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

namespace oa_stream::net {

namespace {

/// Pieces per system call; longer sends are kept and written in several calls.
constexpr std::size_t k_pieces = 128;

iovec piece(std::string_view bytes) noexcept {
    return {const_cast<char*>(bytes.data()), bytes.size()}; // sendmsg does not modify the bytes
}

} // namespace

void Outbox::hold(std::string_view text) {
    held_ += text;
}

Outbox::Io
Outbox::send(std::string_view before, std::span<const Slice> slices, std::string_view after) {
    if (fd_ < 0) {
        return Io::broken;
    }
    if (blocked() || slices.size() + 3 > k_pieces) {
        keep(before, slices, after);
        return flush();
    }
    std::array<iovec, k_pieces> pieces; // NOLINT(cppcoreguidelines-pro-type-member-init): hot path
    std::size_t count = 0;
    std::size_t payload = 0;
    pieces[count++] = piece(held_);
    pieces[count++] = piece(before);
    for (const auto& slice : slices) {
        pieces[count++] = piece(slice.bytes);
        payload += slice.bytes.size();
    }
    pieces[count++] = piece(after);
    const auto sent = write(std::span(pieces).first(count));
    if (sent < 0) {
        close();
        return Io::broken;
    }
    const auto whole = held_.size() + before.size() + payload + after.size();
    if (static_cast<std::size_t>(sent) == whole) [[likely]] {
        (void)std::exchange(held_, {}); // a stream has a single head, so its memory can be freed
        payload_sent_ += payload;
        return Io::done;
    }
    keep(before, slices, after);
    took(static_cast<std::size_t>(sent));
    return Io::full;
}

Outbox::Io Outbox::flush() {
    if (fd_ < 0) {
        return Io::broken;
    }
    keep({}, {}, {});
    while (!kept_.empty()) {
        std::array<iovec, k_pieces>
            pieces; // NOLINT(cppcoreguidelines-pro-type-member-init): hot path
        std::size_t count = 0;
        std::size_t offered = 0;
        for (auto at = first_; at < kept_.size() && count < k_pieces; ++at) {
            pieces[count++] = piece(kept_[at].slice.bytes);
            offered += kept_[at].slice.bytes.size();
        }
        const auto sent = write(std::span(pieces).first(count));
        if (sent < 0) {
            close();
            return Io::broken;
        }
        took(static_cast<std::size_t>(sent));
        if (static_cast<std::size_t>(sent) < offered) {
            return Io::full;
        }
    }
    return Io::done;
}

void Outbox::close() noexcept {
    fd_ = -1;
    held_.clear();
    kept_.clear();
    first_ = 0;
}

void Outbox::keep(std::string_view before, std::span<const Slice> slices, std::string_view after) {
    if (!held_.empty()) {
        keep_copy(std::exchange(held_, {}), false);
    }
    keep_copy(before, false);
    for (const auto& slice : slices) {
        if (!slice.owner) {
            keep_copy(slice.bytes, true);
        } else if (!slice.bytes.empty()) {
            kept_.push_back({slice, true});
        }
    }
    if (!after.empty()) {
        kept_.push_back({Slice{nullptr, after}, false});
    }
}

void Outbox::keep_copy(std::string_view bytes, bool payload) {
    if (bytes.empty()) {
        return;
    }
    auto owner = std::make_shared<const std::string>(bytes);
    const std::string_view copy = *owner;
    kept_.push_back({Slice{std::move(owner), copy}, payload});
}

void Outbox::took(std::size_t bytes) {
    while (first_ < kept_.size()) {
        auto& front = kept_[first_];
        const auto part = std::min(bytes, front.slice.bytes.size());
        payload_sent_ += front.payload ? part : 0;
        bytes -= part;
        front.slice.bytes.remove_prefix(part);
        if (!front.slice.bytes.empty()) {
            return;
        }
        front.slice.owner.reset();
        ++first_;
    }
    kept_.clear();
    first_ = 0;
}

/// Returns the bytes written, 0 when the socket is full, -1 when it is broken.
std::ptrdiff_t Outbox::write(std::span<iovec> pieces) noexcept {
    if (tls_ != nullptr) {
        return tls_->write(pieces);
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = pieces.size();
    for (;;) {
        const auto sent = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            return sent;
        }
        if (errno == EAGAIN || errno == ENOBUFS) {
            return 0;
        }
        if (errno != EINTR) {
            return -1;
        }
    }
}

} // namespace oa_stream::net
