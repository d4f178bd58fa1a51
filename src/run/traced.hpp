// What --verbose says of one event.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/redact.hpp"

#include <string>
#include <string_view>

namespace oa_stream::run {

/// "check PASS stream.head: HTTP 200", "step id=shift@5%": words and never a document, on one line,
/// redacted like the file.
[[nodiscard]] std::string
traced(std::string_view event, const Json& fields, const Redactor& redactor);

} // namespace oa_stream::run
