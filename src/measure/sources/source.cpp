#include "oa_stream/measure/source.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::measure {
namespace {

struct Word {
    std::string_view word;
    BadEvent event;
};

constexpr std::array k_words{
    Word{"http_5xx", BadEvent::http_5xx},
    Word{"terminal_error", BadEvent::terminal_error},
    Word{"empty", BadEvent::empty},
    Word{"compat_rejected", BadEvent::compat_rejected},
};

Result<BadEvent> parse_word(std::string_view word) {
    std::array<std::string_view, k_words.size()> names{};
    std::ranges::transform(k_words, names.begin(), &Word::word);
    const auto* found = std::ranges::find(k_words, word, &Word::word);
    if (found != k_words.end()) {
        return found->event;
    }
    const auto close = nearest(word, names);
    return fail(
        Code::usage,
        fmt::format("'{}' is no bad event", printable(word, 40)),
        "bad",
        close ? fmt::format("did you mean '{}'?", *close)
              : "http_5xx, terminal_error, empty, compat_rejected; several with '|' between"
    );
}

} // namespace

Result<std::vector<BadEvent>> parse_bad_events(std::string_view text) {
    if (trim(text).empty()) {
        return std::vector{BadEvent::http_5xx, BadEvent::terminal_error};
    }
    std::vector<BadEvent> events;
    for (;;) {
        const std::size_t bar = text.find('|');
        OA_TRY(const BadEvent event, parse_word(trim(text.substr(0, bar))));
        if (std::ranges::find(events, event) == events.end()) {
            events.push_back(event);
        }
        if (bar == std::string_view::npos) {
            return events;
        }
        text.remove_prefix(bar + 1);
    }
}

std::string_view to_string(BadEvent event) noexcept {
    const auto* found = std::ranges::find(k_words, event, &Word::event);
    return found == k_words.end() ? std::string_view("unknown") : found->word;
}

} // namespace oa_stream::measure
