// Upstream error texts like to quote the conversation; logs must not.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::lane {

/// What a turn keeps of its request, to know a quotation when it sees one: the body's end, where
/// the newest message stands.
inline constexpr std::size_t k_quote_bytes = 16U << 10U;
[[nodiscard]] std::string end_of_body(std::string_view body);

/// `cause` for a log: secrets redacted, one line, at most 500 bytes, and every run of 12 bytes or
/// more that stands in `said` too replaced by '*'.
[[nodiscard]] std::string redact_quotes(std::string_view cause, std::string_view prompt_end);

} // namespace oa_stream::lane
