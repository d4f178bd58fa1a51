#include "oa_stream/wire/sse.hpp"

namespace oa_stream::wire {

void append_sse_data(std::string& out, std::string_view json) {
    out += "data: ";
    out += json;
    out += k_sse_end;
}

void append_sse_event(std::string& out, std::string_view name, std::string_view json) {
    out += "event: ";
    out += name;
    out += '\n';
    append_sse_data(out, json);
}

void append_sse_done(std::string& out) {
    out += "data: [DONE]\n\n";
}

std::string_view take_sse_frame(std::string_view& written) noexcept {
    const auto found = written.find(k_sse_end);
    const auto size = found == std::string_view::npos ? written.size() : found + k_sse_end.size();
    const auto frame = written.substr(0, size);
    written.remove_prefix(size);
    return frame;
}

std::string without_sse_comments(std::string_view written) {
    std::string out;
    while (!written.empty()) {
        const auto frame = take_sse_frame(written);
        if (!frame.starts_with(':')) {
            out += frame;
        }
    }
    return out;
}

} // namespace oa_stream::wire
