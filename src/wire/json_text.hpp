// The string part of the JSON scanner: escapes, UTF-8, surrogates.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace oa_stream::wire {

/// Reads the string literal whose opening quote is at text[at]; afterwards `at` is after the
/// closing quote. Appends the decoded text to `out`. False (with `at` at the fault) when it is
/// malformed.
[[nodiscard]] bool
read_json_string(std::string_view text, std::size_t& at, std::string& out, bool& lone_surrogate);

} // namespace oa_stream::wire
