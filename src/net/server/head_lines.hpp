// The lines of a request's head, by the letter of RFC 9112, where the parser is lenient or answers
// with another status than the RFC says. What two readers of one request split differently is how
// requests are smuggled past a proxy's rules.
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
    /// `head`: what was received of it from its first byte on and not taken() since; bytes behind
    /// its end are not looked at. Refuses
    /// a line end of LF alone and a CR alone (§2.2), a folded line (§5.2), a request line that is
    /// not "method SP target SP HTTP/d.d" (§3): all 400, and 505 for another version than 1.0 and
    /// 1.1.
    [[nodiscard]] std::optional<Refusal> look(std::string_view head);
    /// The first `bytes` will not be shown again.
    void taken(std::size_t bytes) noexcept { at_ -= bytes < at_ ? bytes : at_; }

private:
    [[nodiscard]] std::optional<Refusal> end_line(std::string_view head);

    std::size_t at_ = 0; ///< looked at so far
    std::size_t line_length_ = 0; ///< of the line that at_ stands in
    bool request_line_ = true;
    bool after_cr_ = false;
    bool done_ = false;
};

} // namespace oa_stream::net
