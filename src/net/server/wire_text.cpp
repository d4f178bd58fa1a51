#include "wire_text.hpp"

#include "oa_stream/base/text.hpp"

#include "head_words.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>

namespace oa_stream::net {

namespace {

struct Reason {
    int status;
    std::string_view text;
};

constexpr std::array k_reasons{
    Reason{100, "Continue"},
    Reason{200, "OK"},
    Reason{201, "Created"},
    Reason{202, "Accepted"},
    Reason{204, "No Content"},
    Reason{206, "Partial Content"},
    Reason{301, "Moved Permanently"},
    Reason{302, "Found"},
    Reason{303, "See Other"},
    Reason{304, "Not Modified"},
    Reason{307, "Temporary Redirect"},
    Reason{308, "Permanent Redirect"},
    Reason{400, "Bad Request"},
    Reason{401, "Unauthorized"},
    Reason{402, "Payment Required"},
    Reason{403, "Forbidden"},
    Reason{404, "Not Found"},
    Reason{405, "Method Not Allowed"},
    Reason{406, "Not Acceptable"},
    Reason{408, "Request Timeout"},
    Reason{409, "Conflict"},
    Reason{410, "Gone"},
    Reason{411, "Length Required"},
    Reason{412, "Precondition Failed"},
    Reason{413, "Content Too Large"},
    Reason{415, "Unsupported Media Type"},
    Reason{421, "Misdirected Request"},
    Reason{422, "Unprocessable Content"},
    Reason{425, "Too Early"},
    Reason{426, "Upgrade Required"},
    Reason{428, "Precondition Required"},
    Reason{429, "Too Many Requests"},
    Reason{431, "Request Header Fields Too Large"},
    Reason{500, "Internal Server Error"},
    Reason{501, "Not Implemented"},
    Reason{502, "Bad Gateway"},
    Reason{503, "Service Unavailable"},
    Reason{504, "Gateway Timeout"},
    Reason{505, "HTTP Version Not Supported"},
    Reason{507, "Insufficient Storage"},
};

bool ours_to_write(std::string_view name) noexcept {
    return iequals(name, "connection") || iequals(name, "transfer-encoding") ||
           iequals(name, "keep-alive");
}

/// RFC 9110 §6.6.1. Formatted once a second: thousands of answers share it.
std::string_view http_date() {
    static thread_local std::time_t made_for = -1;
    static thread_local std::string text;
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    if (now != made_for) {
        std::tm utc{};
        ::gmtime_r(&now, &utc);
        std::array<char, 64> buffer{};
        const auto size =
            std::strftime(buffer.data(), buffer.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        text.assign(buffer.data(), size);
        made_for = now;
    }
    return text;
}

void append_framing(std::string& out, const Headers& headers, const HeadShape& shape) {
    if (shape.framing == Framing::chunked) {
        out += "transfer-encoding: chunked\r\n";
    }
    if (shape.framing == Framing::length && !headers.has("content-length")) {
        fmt::format_to(std::back_inserter(out), "content-length: {}\r\n", shape.length);
    }
    if (shape.close) {
        out += "connection: close\r\n";
    } else if (shape.http10) {
        out += "connection: keep-alive\r\n";
    }
}

} // namespace

std::string_view reason_phrase(int status) noexcept {
    const auto* const found = std::ranges::find(k_reasons, status, &Reason::status);
    return found == k_reasons.end() ? "Unknown" : found->text;
}

std::string head_text(int status, const Headers& headers, const HeadShape& shape) {
    std::string out;
    out.reserve(512);
    fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", status, reason_phrase(status));
    for (const auto& [name, value] : headers.all()) {
        if (ours_to_write(name) || !is_token(name) || !is_one_line(value)) {
            continue;
        }
        out.append(name).append(": ").append(value).append("\r\n");
    }
    if (!headers.has("date")) {
        out.append("date: ").append(http_date()).append("\r\n");
    }
    append_framing(out, headers, shape);
    out += "\r\n";
    return out;
}

ChunkLine::ChunkLine(std::uint64_t size) noexcept {
    const auto end = std::to_chars(text_.data(), text_.data() + 16, size, 16).ptr;
    end[0] = '\r';
    end[1] = '\n';
    length_ = static_cast<std::size_t>(end + 2 - text_.data());
}

} // namespace oa_stream::net
