#include "gate_window.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/layout.hpp"
#include "oa_stream/measure/gate_reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace oa_stream::cli {
namespace {

/// Common durations, in seconds. The last one is longer than most sources keep data.
constexpr std::array<std::int64_t, 30> k_plain_s{
    1,     2,     3,     5,     10,    15,     20,     30,     60,      120,
    180,   300,   600,   900,   1200,  1800,   2700,   3600,   7200,    10800,
    14400, 21600, 28800, 43200, 86400, 172800, 259200, 604800, 1209600, 2592000,
};

/// The shortest of these that is at least this long.
std::optional<Millis> plain_from(double least_s) {
    const auto* const found = std::ranges::find_if(k_plain_s, [least_s](std::int64_t one) {
        return static_cast<double>(one) >= least_s;
    });
    return found == k_plain_s.end() ? std::nullopt : std::optional(Millis(1000 * *found));
}

struct Seen {
    double rate = 0; ///< samples per second of the smaller arm
    double covered_s = 0; ///< seconds of the window that this arm's source covers
};

Seen seen_of(const measure::GateRecord& record, double window_s) {
    const auto arm = [&](std::uint64_t n, const auto& asked) {
        const double covered = asked ? asked->reading.covered_s : 0;
        Seen out{.covered_s = covered > 0 ? std::min(covered, window_s) : window_s};
        out.rate = static_cast<double>(n) / out.covered_s;
        return out;
    };
    const auto* const basis = record.basis.get();
    const std::shared_ptr<const measure::DatedReading> none;
    const Seen canary = arm(record.n, basis != nullptr ? basis->canary : none);
    if (record.spec.against != measure::Against::stable) {
        return canary;
    }
    const Seen stable = arm(record.reference_n, basis != nullptr ? basis->stable : none);
    return stable.rate < canary.rate ? stable : canary;
}

} // namespace

NextWindow next_window(const measure::GateRecord& record, Millis window) {
    const Millis twice = 2 * window;
    const double window_s = seconds(window);
    const Seen seen = seen_of(record, window_s);
    if (!record.needs_n || seen.rate <= 0) {
        return {.window = twice};
    }
    constexpr double k_nearly = 0.9; // scrapes do not begin with the window
    const bool short_of = seen.covered_s < k_nearly * window_s;
    const double takes_s = static_cast<double>(*record.needs_n) / seen.rate;
    const Millis least = short_of ? window : twice;
    const bool enough = seconds(least) >= takes_s;
    const auto longer = enough ? std::optional(least) : plain_from(takes_s);
    if (!longer) {
        return {
            .note = fmt::format(
                "at this rate no window up to {} holds the {} that it needs: a higher limit"
                " or less confidence needs fewer",
                format_duration(Millis(1000 * k_plain_s.back())),
                counted(*record.needs_n, "sample")
            ),
        };
    }
    NextWindow out{.window = longer};
    out.note = fmt::format(
        "at this rate {} holds the {} that it needs{}",
        format_duration(*longer),
        counted(*record.needs_n, "sample"),
        short_of ? fmt::format(
                       ", and the source has data for {} of the last {}",
                       format_duration(Millis(1000 * std::llround(seen.covered_s))),
                       format_duration(window)
                   )
                 : ""
    );
    return out;
}

} // namespace oa_stream::cli
