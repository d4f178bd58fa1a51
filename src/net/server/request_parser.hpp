// One request out of the bytes of a connection. Beast stays behind this header.
#pragma once

#include "oa_stream/net/http_server.hpp"

#include <cstddef>
#include <memory>
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
        complete,
        body_too_large, ///< the head is whole, the body was not (fully) taken: never reuse
        refused,        ///< refusal() says with which status; never reuse
    };
    struct Refusal {
        int status = 400;
        std::string_view reason{}; ///< static text
    };

    RequestParser(std::size_t header_limit, std::size_t body_limit);
    RequestParser(const RequestParser&) = delete;
    RequestParser& operator=(const RequestParser&) = delete;
    ~RequestParser();

    /// Takes what it can from the front of `bytes`; the caller presents the rest again with more.
    [[nodiscard]] Status feed(std::string_view bytes, std::size_t& consumed);
    [[nodiscard]] bool head_done() const noexcept;
    [[nodiscard]] const RequestTraits& traits() const noexcept;
    [[nodiscard]] Refusal refusal() const noexcept;
    /// After `complete` or `body_too_large`.
    [[nodiscard]] Request take();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream::net
