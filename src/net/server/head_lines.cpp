#include "head_lines.hpp"

#include "oa_stream/base/text.hpp"

#include <algorithm>

namespace oa_stream::net {

namespace {

constexpr Refusal k_bad_line_end{400, "a line of the request's head must end with CR LF"};
constexpr Refusal k_folded{400, "a header line must not be folded"};
constexpr Refusal k_bad_request_line{400, "malformed request line"};
constexpr Refusal k_bad_target{400, "malformed request target"};
constexpr Refusal k_long_method{501, "no method is that long"};
constexpr Refusal k_bad_version{505, "HTTP version not supported"};

/// The longest registered method has 17 letters. A client's method is copied into logs.
constexpr std::size_t k_longest_method = 32;

bool is_scheme(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    });
}

/// "/path", "*" or "http://host/path". Two programs may read two different paths from any other
/// form; some cut a target at '#', which no target may contain. CONNECT is not supported.
bool is_target(std::string_view text) noexcept {
    const auto scheme = text.find("://");
    return !text.contains('#') &&
           (text.starts_with('/') || text == "*" ||
            (scheme != std::string_view::npos && is_scheme(text.substr(0, scheme))));
}

std::optional<Refusal> judge_request_line(std::string_view line) noexcept {
    const auto first = line.find(' ');
    const auto last = line.rfind(' ');
    // Requires exactly two spaces, with text before, between and after them.
    if (std::ranges::count(line, ' ') != 2 || first == 0 || last == first + 1) {
        return k_bad_request_line;
    }
    const auto version = line.substr(last + 1);
    const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") &&
                             is_digit(version[5]) && version[6] == '.' && is_digit(version[7]);
    if (!well_formed) {
        return k_bad_request_line;
    }
    if (first > k_longest_method) {
        return k_long_method; // RFC 9112 section 3
    }
    if (!is_target(line.substr(first + 1, last - first - 1))) {
        return k_bad_target;
    }
    const bool known = version == "HTTP/1.1" || version == "HTTP/1.0";
    return known ? std::nullopt : std::optional(k_bad_version);
}

} // namespace

std::optional<Refusal> HeadLines::look(std::string_view head) {
    for (; at_ < head.size() && !done_; ++at_) {
        const char byte = head[at_];
        if ((byte == '\n') != after_cr_) {
            return k_bad_line_end;
        }
        if (byte == '\n') {
            if (const auto fault = end_line(head)) {
                return fault;
            }
            continue;
        }
        if (line_length_ == 0 && !request_line_ && (byte == ' ' || byte == '\t')) {
            return k_folded;
        }
        after_cr_ = byte == '\r';
        line_length_ += after_cr_ ? 0 : 1;
    }
    return std::nullopt;
}

std::optional<Refusal> HeadLines::end_line(std::string_view head) {
    after_cr_ = false;
    done_ = line_length_ == 0;
    const auto length = line_length_;
    line_length_ = 0;
    if (request_line_) {
        request_line_ = false;
        return judge_request_line(head.substr(at_ - 1 - length, length));
    }
    return std::nullopt;
}

} // namespace oa_stream::net
