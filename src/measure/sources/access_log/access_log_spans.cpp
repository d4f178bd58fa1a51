#include "access_log_index.hpp"

#include <algorithm>

namespace oa_stream::measure {
namespace {

/// A log that stops more often than this over the kept time gives little information anyway.
constexpr std::size_t k_most_spans = 10'000;

} // namespace

void LogSpans::add(double at_s) {
    // Finds the first stretch that does not end too long before this time.
    auto at = std::ranges::lower_bound(spans_, at_s - silence_s_, {}, &Span::to_s);
    if (at == spans_.end() || at->from_s > at_s + silence_s_) {
        spans_.insert(at, Span{at_s, at_s});
        if (spans_.size() > k_most_spans) {
            spans_.erase(spans_.begin());
        }
        return;
    }
    at->from_s = std::min(at->from_s, at_s);
    at->to_s = std::max(at->to_s, at_s);
    const auto after = at + 1;
    if (after != spans_.end() && after->from_s - at->to_s <= silence_s_) {
        at->to_s = std::max(at->to_s, after->to_s);
        spans_.erase(after);
    }
}

double LogSpans::covered(const Span& window) const noexcept {
    double seconds = 0;
    for (const Span& span : spans_) {
        const double from = std::max(span.from_s, window.from_s);
        // The last line is normally before the window's end: the rest is only uncovered when the
        // silence is too long.
        const bool goes_on = span.to_s < window.to_s && window.to_s - span.to_s <= silence_s_;
        const double to = goes_on ? window.to_s : std::min(span.to_s, window.to_s);
        seconds += std::max(0.0, to - from);
    }
    return seconds;
}

bool LogSpans::touch(double from_s, double to_s) const noexcept {
    return std::ranges::any_of(spans_, [&](const Span& span) {
        return span.to_s >= from_s && span.from_s <= to_s;
    });
}

} // namespace oa_stream::measure
