#include "redact_quotes.hpp"

#include "oa_stream/base/redact.hpp"
#include "oa_stream/base/text.hpp"

#include <algorithm>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_longest = 500;
/// Shorter than any sentence, longer than the usual words of an error text.
constexpr std::size_t k_window = 12;

} // namespace

std::string end_of_body(std::string_view body) {
    return std::string(body.substr(body.size() - std::min(body.size(), k_quote_bytes)));
}

std::string redact_quotes(std::string_view cause, std::string_view prompt_end) {
    auto text = Redactor{}.apply(cause.substr(0, 4 * k_longest));
    const std::string_view original = cause;
    std::size_t masked = 0; // everything before it is checked
    for (std::size_t i = 0; i + k_window <= text.size(); ++i) {
        if (!prompt_end.contains(original.substr(i, k_window))) {
            continue;
        }
        const auto from = std::max(masked, i);
        masked = i + k_window;
        std::fill(
            text.begin() + static_cast<std::ptrdiff_t>(from),
            text.begin() + static_cast<std::ptrdiff_t>(masked),
            '*'
        );
    }
    return printable(text, k_longest);
}

} // namespace oa_stream::lane
