#include "traced.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/run/redactions.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::run {
namespace {

constexpr std::size_t k_longest_word = 400;
constexpr int k_deepest = 2; ///< below it, how much there is says enough

std::string word_of(std::string_view text) {
    const bool plain = !text.empty() && text.find_first_of(" \t\n") == std::string_view::npos;
    return plain ? std::string(text) : fmt::format("\"{}\"", text);
}

bool holds_scalars(const Json& list) {
    return std::ranges::none_of(list, [](const Json& one) { return one.is_structured(); });
}

std::string words_of(const Json& value) {
    if (value.is_string()) {
        return word_of(value.get<std::string>());
    }
    if (!value.is_structured()) {
        return dump_json(value);
    }
    if (!value.is_array() || !holds_scalars(value)) {
        return fmt::format("({})", value.size());
    }
    std::string out;
    for (const Json& one : value) {
        out += fmt::format("{}{}", out.empty() ? "" : ",", words_of(one));
    }
    return out;
}

/// " key=value", and " key.member=value" of what lies in an object.
void add_words(std::string& out, const std::string& name, const Json& value, int depth) {
    if (!value.is_object() || depth >= k_deepest) {
        out += value.is_null() ? "" : fmt::format(" {}={}", name, words_of(value));
        return;
    }
    for (const auto& [key, one] : value.items()) {
        add_words(out, fmt::format("{}.{}", name, key), one, depth + 1);
    }
}

std::string words_of_check(const Json& check) {
    return fmt::format(
        "{} {}: {}", text_in(check, "verdict"), text_in(check, "id"), text_in(check, "detail")
    );
}

/// Without escapes of quotes: nobody parses it.
std::string on_one_line(std::string_view text) {
    std::string out = printable(text, k_longest_word);
    constexpr std::string_view k_escaped = "\\\"";
    for (std::size_t at = out.find(k_escaped); at != std::string::npos;
         at = out.find(k_escaped, at)) {
        out.replace(at, k_escaped.size(), "\"");
        ++at;
    }
    return out;
}

} // namespace

std::string traced(std::string_view event, const Json& fields, const Redactor& redactor) {
    std::string out(event);
    for (const auto& [key, value] : fields.items()) {
        if (key == "check" && value.is_object()) {
            out += ' ' + words_of_check(value);
        } else {
            add_words(out, key, value, 1);
        }
    }
    return on_one_line(blank(out, redactor.find(out)));
}

} // namespace oa_stream::run
