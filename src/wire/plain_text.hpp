// Writes JSON strings; fast for plain text, the usual content of deltas.
#pragma once

#include "oa_stream/base/json.hpp"

#include "byte_scan.hpp"

#include <string>
#include <string_view>

namespace oa_stream::wire {

/// Most deltas are plain ASCII without quotes: those are copied as a whole after one scan.
inline void append_text(std::string& out, std::string_view text) {
    const std::size_t run = plain_run<true>(text);
    for (std::size_t at = run; at < text.size(); ++at) {
        const auto byte = static_cast<unsigned char>(text[at]);
        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\') {
            append_json_string(out, text);
            return;
        }
    }
    out += '"';
    out += text;
    out += '"';
}

/// `name` with its punctuation: `,"id":`.
inline void text_member(std::string& out, std::string_view name, std::string_view text) {
    out += name;
    append_text(out, text);
}

} // namespace oa_stream::wire
