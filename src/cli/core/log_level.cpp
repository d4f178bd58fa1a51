#include "log_level.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace oa_stream::cli {

namespace {

constexpr std::array<std::string_view, 4> k_words{"debug", "info", "warn", "error"};

std::optional<LogLevel> level_of(std::string_view word) noexcept {
    const auto* at = std::ranges::find(k_words, word);
    return at == k_words.end() ? std::nullopt
                               : std::optional(static_cast<LogLevel>(at - k_words.begin()));
}

} // namespace

Result<LogLevel> parse_log_level(std::string_view text) {
    if (const auto level = level_of(trim(text))) {
        return *level;
    }
    return fail(
        Code::config,
        fmt::format("no log level '{}'", printable(trim(text), 40)),
        {},
        "debug, info, warn or error"
    );
}

bool is_told(LogLevel least, std::string_view level) noexcept {
    return level_of(level).value_or(LogLevel::error) >= least;
}

std::string_view to_string(LogLevel level) noexcept {
    return k_words[static_cast<std::size_t>(level)];
}

} // namespace oa_stream::cli
