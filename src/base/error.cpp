#include "oa_stream/base/error.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <array>
#include <system_error>

namespace oa_stream {

std::string_view to_string(Code code) noexcept {
    static constexpr std::array<std::string_view, 15> k_words{
        "usage",
        "config",
        "unreadable",
        "network",
        "timeout",
        "protocol",
        "unavailable",
        "not_found",
        "too_large",
        "credentials",
        "precondition",
        "conflict",
        "cancelled",
        "io",
        "internal"
    };
    return enum_word<Code::internal>(k_words, code);
}

std::string Error::text() const {
    std::string line = where.empty() ? message : fmt::format("{}: {}", where, message);
    if (!hint.empty()) {
        line += fmt::format(" ({})", hint.text());
    }
    return show_controls(line); // paths and texts of others may have line ends in them
}

Error Error::prefixed(std::string_view context) && {
    message = fmt::format("{}: {}", context, message);
    return std::move(*this);
}

std::string errno_text(int number) {
    return std::generic_category().message(number);
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
