// Heads of answers as text.
#pragma once

#include "oa_stream/net/http.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace oa_stream::net {

/// How the end of an answer's body is marked on the wire.
enum class Framing {
    none,        ///< no body may follow (HEAD, 204, 304)
    length,      ///< content-length
    chunked,     ///< HTTP/1.1
    until_close, ///< HTTP/1.0 without a length
};

struct HeadShape {
    Framing framing = Framing::length;
    std::uint64_t length = 0; ///< written when framing is `length` and the caller set none
    bool close = false;       ///< connection: close
    bool http10 = false;      ///< the request was HTTP/1.0
};

[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// Status line, fields, blank line. `shape` replaces the caller's connection, transfer-encoding and
/// keep-alive fields; a field name or value that would break the head is dropped.
[[nodiscard]] std::string head_text(int status, const Headers& headers, const HeadShape& shape);

/// "1a2b\r\n" without allocation.
class ChunkLine {
public:
    explicit ChunkLine(std::uint64_t size) noexcept;
    [[nodiscard]] std::string_view text() const noexcept { return {text_.data(), length_}; }

private:
    std::array<char, 18> text_{};
    std::size_t length_ = 0;
};

} // namespace oa_stream::net
