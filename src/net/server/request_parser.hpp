// Parses one request from the bytes of a connection. Hides Beast.
#pragma once

#include "oa_stream/net/http_server.hpp"

#include "head_lines.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::net {

/// What a connection needs to know of a request in addition to the request itself.
struct RequestTraits {
    bool http10 = false;
    bool head = false;       ///< HEAD: the answer has no body
    bool keep_alive = true; ///< as the client requested
    bool continue_wanted = false; ///< Expect: 100-continue
};

/// Parses one request and is then discarded.
class RequestParser {
public:
    enum class Status {
        need_more,
        head_whole, ///< only with HandOver::head, once, and only when a body follows
        complete,
        body_too_large, ///< the head is complete, the body was not (fully) read: do not reuse
        refused, ///< refusal() has the status; do not reuse
    };

    RequestParser(const ServerLimits& limits, HandOver hand_over);
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;
    ~RequestParser();

    /// Consumes what it can from the front of `bytes`; the caller passes the rest again with more.
    [[nodiscard]] Status feed(std::string_view bytes, std::size_t& consumed);
    [[nodiscard]] bool head_done() const noexcept;
    [[nodiscard]] bool done() const noexcept;
    [[nodiscard]] const RequestTraits& traits() const noexcept;
    [[nodiscard]] Refusal refusal() const noexcept;
    /// The target's path, also for a refused request; empty if none was readable so far.
    [[nodiscard]] std::string path() const;
    /// Bytes of the body so far.
    [[nodiscard]] std::size_t body_bytes() const noexcept;
    /// Bytes of the body that are still missing; nullopt when only its end will show (chunks).
    [[nodiscard]] std::optional<std::uint64_t> body_left() const;
    /// Call before any byte of the body; null: all of it is kept.
    void sieve_body(std::unique_ptr<BodySieve> sieve);
    /// From then on the body is read but not kept.
    void discard_body();
    /// Call after `complete` or `body_too_large`, or after `head_whole` for a request without its
    /// body.
    [[nodiscard]] Request take();
    /// Call after `complete`, when the request was taken before.
    [[nodiscard]] std::string take_body();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::net
