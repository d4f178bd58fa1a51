// shadow: sends the same prompts to a lane and to a reference (another lane, or the authority
// itself), and compares answers and speed.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/authority/capture.hpp"
#include "oa_stream/base/check.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::probe {

enum class Compare {
    text, ///< every word; for authorities that answer the same prompt identically
    /// Kinds and order of parts, tools and their outcomes, shapes, ending, and which usage is
    /// reported: everything that two answers of a real model have in common.
    structure,
};
inline constexpr std::array<std::string_view, 2> k_compare_words{"text", "structure"};
[[nodiscard]] std::string_view to_string(Compare compare) noexcept;
/// Code::usage with the valid words.
[[nodiscard]] Result<Compare> parse_compare(std::string_view text);

/// One prompt and how its turn must end on both sides: two lanes that fail alike do not pass.
struct ShadowPrompt {
    std::string text;
    /// "completed", "empty" (completed without content), "failed", "interrupted", "aborted", or the
    /// HTTP status of a refusal ("422").
    std::string expect = "completed";
    /// The turn as recorded from the authority; no reference is then asked.
    std::shared_ptr<const authority::Capture> recorded{};

    /// Its turns have comparable times; recordings and refusals have none.
    [[nodiscard]] bool timed() const noexcept;
};
/// Plain lines, or JSON lines {"prompt", "expect"?}; ignores empty lines and those that begin with
/// #. Code::unreadable with the line; at most k_most_prompts.
[[nodiscard]] Result<std::vector<ShadowPrompt>> parse_prompts(std::string_view text);
inline constexpr std::size_t k_most_prompts = 1000;
/// Short, harmless, without tools; for lanes with a replay authority, made-up turns that need no
/// recordings.
[[nodiscard]] std::vector<ShadowPrompt> default_prompts(bool replay);
/// The prompt with which a lane plays the same turn: replay:NAME for a replay, otherwise the
/// recorded prompt.
[[nodiscard]] ShadowPrompt
prompt_of(std::shared_ptr<const authority::Capture> capture, bool replay);

/// Why a lane that does not replay cannot play the recorded turn again; empty: it can.
[[nodiscard]] std::string_view why_not_again(const ShadowPrompt& prompt) noexcept;

struct ShadowLatency {
    bool judged = true; ///< false: reported, but SKIPPED
    /// An undecided check is SKIPPED instead of INCONCLUSIVE: for runs whose gates judge latency.
    bool undecided_skips = false;
    double slower_at_most = 0.2; ///< relative; for the median over pairs
    double p95_delta_at_most_s = 0.25; ///< the lane's p95 of whole turns minus the reference's
    /// Differences up to this are no slowdown, whatever the ratio: 3 ms instead of 2 ms.
    double unnoticed_s = 0.01;
    double confidence = 0.95; ///< one-sided, for each bound
};

struct ShadowOptions {
    Target lane; ///< the judged lane
    std::optional<Target> reference{};
    authority::Authority* native = nullptr; ///< must be open; null if all prompts are recorded
    std::vector<ShadowPrompt> prompts{};
    std::size_t runs = 0; ///< per prompt; 0: as many as a p95 over all prompts needs
    Compare compare = Compare::text;
    ShadowLatency latency{};
    ProbeLimits limits{};
    /// Members whose values are ignored, at any depth of tool inputs, outputs and payloads.
    std::vector<std::string> ignored{default_ignored()};
    std::uint64_t seed = 1; ///< for the order of the requests
    std::string id_prefix = "shadow";
    std::size_t keep_different = 5; ///< pairs kept per prompt in addition to its first one
    /// Stores streams: called with a file stem and the sample; returns the paths written. Unset:
    /// nothing is kept.
    std::function<std::vector<std::string>(const std::string& stem, const ProbeSample&)> keep{};
    /// The same for a turn of the authority, one event per line.
    std::function<std::string(const std::string& name, std::string_view bytes)> keep_native{};
    std::function<void(const Json& pair)> on_pair{}; ///< called with each pair's times
    /// Called before each turn is requested.
    std::function<void(const std::string& thread)> on_turn{};
    std::function<void(const Check&)> on_check{};
    std::function<void(std::size_t done, std::size_t of)> on_progress{};

    [[nodiscard]] static std::vector<std::string> default_ignored();
};
inline constexpr std::size_t k_most_pairs = 20'000;
/// Default number of runs per prompt, given the number of timed prompts.
[[nodiscard]] std::size_t default_runs(std::size_t timed) noexcept;

/// One check a prompt ("shadow.turn.1"), "shadow.latency.first-content", "shadow.latency.whole" and
/// "shadow.latency.p95", and "shadow.footprint" with the turns that were begun; conversations are
/// deleted after each pair. One turn at a time;
/// pairs in random order, and within a pair either side first, so that drifts hit both. Bounded
/// memory: one pair of turns, at most 8 MiB each. Never throws.
[[nodiscard]] Task<std::vector<Check>> shadow(net::HttpClient& client, ShadowOptions options);

/// Whether GET /version reports a replay; false for lanes that do not report it.
[[nodiscard]] Task<bool> is_replay(net::HttpClient& client, Target target, ProbeLimits limits);

// Latency
// --------------------------------------------------------------------------------------------

struct TimedPair {
    double lane_s = 0;
    double reference_s = 0;
};
/// Median of lane ÷ reference over pairs, with the exact interval of its ranks. FAIL when the lane
/// is proven slower than allowed, by ratio and by more than `unnoticed_s`; a faster lane never
/// fails.
[[nodiscard]] Check
judge_slowdown(std::string id, std::span<const TimedPair> pairs, const ShadowLatency& limits);
/// p95(lane) − p95(reference) with a seeded bootstrap interval; INCONCLUSIVE below 59 pairs.
[[nodiscard]] Check judge_p95_delta(
    std::string id,
    std::span<const TimedPair> pairs,
    const ShadowLatency& limits,
    std::uint64_t seed
);

} // namespace oa_stream::probe
