// Checks the lines of a request's head strictly by RFC 9112, where the parser is lenient or answers
// with a different status. Requests are smuggled past a proxy's rules when two readers split a
// request differently.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace oa_stream::net {

/// Why a server answers without a handler.
struct Refusal {
    int status = 400;
    std::string_view reason{}; ///< static text
};

class HeadLines {
public:
    /// `head`: the received bytes of the head, from its first byte or from where taken() left off;
    /// bytes after its end are ignored. Refuses a line end of LF alone and a CR alone (§2.2), a
    /// folded line (§5.2), a request line that is not "method SP target SP HTTP/d.d" (§3): all with
    /// 400, and a version other than 1.0 and 1.1 with 505.
    [[nodiscard]] std::optional<Refusal> look(std::string_view head);
    /// The first `bytes` bytes will not be passed again.
    void taken(std::size_t bytes) noexcept { at_ -= bytes < at_ ? bytes : at_; }

private:
    [[nodiscard]] std::optional<Refusal> end_line(std::string_view head);

    std::size_t at_ = 0; ///< checked so far
    std::size_t line_length_ = 0; ///< length of the line that contains at_
    bool request_line_ = true;
    bool after_cr_ = false;
    bool done_ = false;
};

} // namespace oa_stream::net
