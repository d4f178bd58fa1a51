#include "oa_stream/measure/source.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/telemetry/classes.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

namespace oa_stream::measure {
namespace {

Result<BadEvent> parse_word(std::string_view word) {
    using telemetry::k_bad_events;
    const auto* found = std::ranges::find(k_bad_events, word, &telemetry::BadRow::word);
    if (found != k_bad_events.end()) {
        return found->event;
    }
    const auto close = nearest(word, telemetry::k_bad_words);
    return fail(
        Code::usage,
        fmt::format("'{}' is not a bad event", printable(word, 40)),
        {},
        close ? fmt::format("did you mean '{}'?", *close)
              : fmt::format("{}; several with '|' between", fmt::join(telemetry::k_bad_words, ", "))
    );
}

} // namespace

Result<std::vector<BadEvent>> parse_bad_events(std::string_view text) {
    if (trim(text).empty()) {
        return telemetry::default_bad();
    }
    std::vector<BadEvent> events;
    for (const std::string_view word : event_words(text)) {
        OA_TRY(const BadEvent event, parse_word(word));
        add_once(events, event);
    }
    return events;
}

std::vector<std::string_view> event_words(std::string_view events) {
    return trim(events).empty() ? std::vector<std::string_view>()
                                : mapped(pieces_of(events, '|'), trim);
}

bool sources_count(std::string_view events) {
    const auto words = event_words(events);
    const auto all = [&](const auto& known, auto name) {
        return !words.empty() && std::ranges::all_of(words, [&](std::string_view word) {
            return contains(known, word, name);
        });
    };
    return all(telemetry::k_bad_words, std::identity{}) ||
           all(telemetry::k_class_words, std::identity{});
}

bool probes_count(std::string_view events) {
    return events.empty() || endings_of(events) || parse_bad_events(events);
}

} // namespace oa_stream::measure
