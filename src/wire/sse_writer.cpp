#include "oa_stream/wire/sse.hpp"

namespace oa_stream::wire {

void append_sse_data(std::string& out, std::string_view json) {
    out += "data: ";
    out += json;
    out += "\n\n";
}

void append_sse_event(std::string& out, std::string_view name, std::string_view json) {
    out += "event: ";
    out += name;
    out += '\n';
    append_sse_data(out, json);
}

void append_sse_comment(std::string& out, std::string_view text) {
    out += ": ";
    for (const char c : text) {
        out += c == '\n' || c == '\r' ? ' ' : c; // a line end would end the comment
    }
    out += "\n\n";
}

void append_sse_done(std::string& out) {
    out += "data: [DONE]\n\n";
}

} // namespace oa_stream::wire
