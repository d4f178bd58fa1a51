// Writes members of JSON objects that are strings.
#pragma once

#include "oa_stream/base/json.hpp"

#include <string>
#include <string_view>

namespace oa_stream::wire {

/// `name` with its punctuation: `,"id":`.
inline void text_member(std::string& out, std::string_view name, std::string_view text) {
    out += name;
    append_json_string(out, text);
}

} // namespace oa_stream::wire
