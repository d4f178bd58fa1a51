// Upstream error texts often quote the conversation; logs must not contain it.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::lane {

/// How much of its request a turn keeps to recognise quotations: the end of the body, which
/// contains the newest message.
inline constexpr std::size_t k_quote_bytes = 16U << 10U;
[[nodiscard]] std::string end_of_body(std::string_view body);

/// Makes `cause` fit for a log: secrets redacted, one line, at most 500 bytes. Every run of 12
/// bytes or more that also occurs in `prompt_end` is replaced by '*'.
[[nodiscard]] std::string redact_quotes(std::string_view cause, std::string_view prompt_end);

} // namespace oa_stream::lane
