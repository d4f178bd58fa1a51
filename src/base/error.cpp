#include "oa_stream/base/error.hpp"

#include <fmt/format.h>

namespace oa_stream {

std::string_view to_string(Code code) noexcept {
    switch (code) {
    case Code::usage:
        return "usage";
    case Code::config:
        return "config";
    case Code::unreadable:
        return "unreadable";
    case Code::network:
        return "network";
    case Code::timeout:
        return "timeout";
    case Code::protocol:
        return "protocol";
    case Code::unavailable:
        return "unavailable";
    case Code::not_found:
        return "not_found";
    case Code::too_large:
        return "too_large";
    case Code::credentials:
        return "credentials";
    case Code::precondition:
        return "precondition";
    case Code::conflict:
        return "conflict";
    case Code::cancelled:
        return "cancelled";
    case Code::io:
        return "io";
    case Code::internal:
        return "internal";
    }
    return "internal";
}

std::string Error::text() const {
    std::string line = where.empty() ? message : fmt::format("{}: {}", where, message);
    if (!hint.empty()) {
        line += fmt::format(" ({})", hint);
    }
    return line;
}

Error Error::prefixed(std::string_view context) && {
    message = fmt::format("{}: {}", context, message);
    return std::move(*this);
}

bool is_ambiguous(const Error& error) noexcept {
    switch (error.code) {
    case Code::conflict:
    case Code::precondition:
    case Code::credentials:
    case Code::usage:
    case Code::config:
    case Code::not_found:
        return false;
    case Code::unreadable:
    case Code::network:
    case Code::timeout:
    case Code::protocol:
    case Code::unavailable:
    case Code::too_large:
    case Code::cancelled:
    case Code::io:
    case Code::internal:
        break;
    }
    return true;
}

} // namespace oa_stream
