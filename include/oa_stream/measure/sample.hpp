// The common form of the requests that a gate judges, whatever their source.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/proportion.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

/// The time of a request that a quantile is taken of, in seconds.
enum class Timing {
    first_content, ///< until the first content
    chunk_gap,     ///< the longest silence between two pieces of content
    duration, ///< to the answer's end, for requests that ended well
    per_token, ///< from one piece of content to the next, on average; shown as tokens per second
};
inline constexpr std::array<std::string_view, 4> k_timing_words{
    "first_content", "chunk_gap", "duration", "tokens_per_s"
};
[[nodiscard]] constexpr std::string_view to_string(Timing timing) noexcept {
    return k_timing_words[static_cast<std::size_t>(timing)];
}

struct Sample {
    double at_s = 0; ///< scheduled send time, seconds since the run began
    std::string arm{};       ///< the intended arm: "stable", "canary", "mixed"
    std::string revision{}; ///< the revision that answered; empty without an answer
    std::string outcome{};   ///< one word, "ok" or what went wrong
    bool bad = false;        ///< counts against the error budget
    /// Seconds to the first content; +Inf when the request ran into a time limit before it; nullopt
    /// when it ended without content for another reason (the bad rate counts those).
    std::optional<double> first_content_s{};
    std::optional<double> end_s{};
    std::optional<double> max_gap_s{}; ///< the longest silence between two pieces of content
    std::optional<double> per_token_s{}; ///< for answers with at least two pieces of content
    /// A time limit ended it: the real end is later than any time we could record.
    bool cut = false;
    std::string request_id{};
    std::string detail{};
    bool own = false; ///< some of its times are left out because oa-stream itself was stalled
    bool sent = true; ///< false: the prober cancelled the request before sending it
};

/// The sample with its times rounded to whole microseconds, as its line stores them: judging this
/// sample means judging the stored one.
[[nodiscard]] Sample as_stored(Sample sample);
/// One line of measure/samples.ndjson; an infinite time is the string "inf".
[[nodiscard]] Json to_json(const Sample& sample);
/// Parses such a line as far as it is readable.
[[nodiscard]] Sample sample_from_json(const Json& line);

/// All outcomes of a probe: the names of probe::Outcome, in its order.
inline constexpr std::array<std::string_view, 22> k_outcome_words{
    "ok",
    "truncated",
    "stalled",
    "malformed_frame",
    "contract_violation",
    "in_stream_error",
    "http_status",
    "unauthorised",
    "too_slow",
    "ttfb_timeout",
    "refused",
    "connect_timeout",
    "dns",
    "tls",
    "not_sse",
    "wrong_content_type",
    "headers_missing",
    "late_data",
    "compat_rejected",
    "empty",
    "buffered",
    "cancelled",
};
/// The outcomes that a gate's `bad:` can name, each counting that ending alone.
inline constexpr auto k_ending_words = [] {
    std::array<std::string_view, 17> out;
    std::ranges::copy_n(k_outcome_words.begin() + 1, out.size(), out.begin());
    return out;
}();
/// "truncated | stalled" → both; nullopt when a word is not an ending of a probe.
[[nodiscard]] std::optional<std::vector<std::string_view>> endings_of(std::string_view events);

/// Counts the bad samples, or with `endings` those that ended in one of these ways.
[[nodiscard]] Counts
count_bad(std::span<const Sample> samples, std::span<const std::string_view> endings = {}) noexcept;
/// The sample counts against a gate with these endings; without any, if it is bad.
[[nodiscard]] bool
counts_as_bad(const Sample& sample, std::span<const std::string_view> endings) noexcept;
/// Statistics of the first-content times. A bound that does not exist at this n is empty.
struct Latency {
    std::size_t n = 0;
    double p50 = 0;
    double p95 = 0;
    std::optional<double> p95_low{}; ///< 95 %, two-sided
    std::optional<double> p95_high{};
};
/// nullopt: no sample had content.
[[nodiscard]] std::optional<Latency> latency_of(std::span<const Sample> samples);
/// "1.2s (1.1s to 1.4s)"; "?" for a bound that does not exist.
[[nodiscard]] std::string p95_text(const Latency& latency);
/// The known first-content times, ascending.
[[nodiscard]] std::vector<double> first_content_sorted(std::span<const Sample> samples);
/// 95th percentile of the first-content times; nullopt: no sample had content.
[[nodiscard]] std::optional<double> first_content_p95(std::span<const Sample> samples);
/// The times of `timing`, ascending; +Inf where a time limit came first.
[[nodiscard]] std::vector<double> times_sorted(std::span<const Sample> samples, Timing timing);

} // namespace oa_stream::measure
