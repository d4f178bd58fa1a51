// One request out of the bytes of a connection. Beast stays behind this header.
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

/// What a connection must know of a request besides the request itself.
struct RequestTraits {
    bool http10 = false;
    bool head = false;       ///< HEAD: the answer has no body
    bool keep_alive = true;  ///< as the client asked
    bool continue_wanted = false; ///< Expect: 100-continue
};

/// Takes one request, then is thrown away.
class RequestParser {
public:
    enum class Status {
        need_more,
        head_whole, ///< only with HandOver::head, once, and only when a body follows
        complete,
        body_too_large, ///< the head is whole, the body was not (fully) taken: never reuse
        refused,        ///< refusal() says with which status; never reuse
    };

    RequestParser(const ServerLimits& limits, HandOver hand_over);
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;
    ~RequestParser();

    /// Takes what it can from the front of `bytes`; the caller presents the rest again with more.
    [[nodiscard]] Status feed(std::string_view bytes, std::size_t& consumed);
    [[nodiscard]] bool head_done() const noexcept;
    [[nodiscard]] bool done() const noexcept;
    [[nodiscard]] const RequestTraits& traits() const noexcept;
    [[nodiscard]] Refusal refusal() const noexcept;
    /// Of the target, also of a request that is refused; empty: none was readable so far.
    [[nodiscard]] std::string path() const;
    /// Of the body so far.
    [[nodiscard]] std::size_t body_bytes() const noexcept;
    /// Bytes of the body that are still to come; nullopt when only its end will show (chunks).
    [[nodiscard]] std::optional<std::uint64_t> body_left() const;
    /// Before a byte of the body; null: all of it is kept.
    void sieve_body(std::unique_ptr<BodySieve> sieve);
    /// From now on the body is read and not kept.
    void discard_body();
    /// After `complete` or `body_too_large`; after `head_whole` without the body.
    [[nodiscard]] Request take();
    /// After `complete`, when the rest was taken before.
    [[nodiscard]] std::string take_body();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::net
