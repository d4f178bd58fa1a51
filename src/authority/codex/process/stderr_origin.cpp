#include "stderr_origin.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::authority {

namespace {

constexpr std::array<std::string_view, 5> k_levels{"ERROR", "WARN", "INFO", "DEBUG", "TRACE"};
constexpr std::size_t k_longest = 80;

std::string_view take_word(std::string_view& text) {
    text = trim(text);
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    return word;
}

bool is_time(std::string_view word) noexcept {
    return word.size() >= 20 && word.ends_with('Z') && std::ranges::all_of(word, [](char c) {
               return (c >= '0' && c <= '9') || c == '-' || c == ':' || c == '.' || c == 'T' ||
                      c == 'Z';
           });
}

bool is_module(std::string_view word) noexcept {
    return word.size() > 1 && word.size() <= k_longest && word.ends_with(':') &&
           std::ranges::all_of(word, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
           });
}

} // namespace

std::string stderr_origin(std::string_view line) {
    auto rest = line;
    const auto time = take_word(rest);
    const auto level = take_word(rest);
    auto module = take_word(rest);
    if (!is_time(time) || !contains(k_levels, level) || !is_module(module)) {
        return fmt::format("{} bytes", line.size());
    }
    module.remove_suffix(1);
    return fmt::format("{} {} {} ({} bytes)", time, level, module, line.size());
}

} // namespace oa_stream::authority
