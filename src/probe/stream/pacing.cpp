#include "oa_stream/probe/pacing.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/seconds.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::probe {
namespace {

constexpr std::uint64_t k_few = 8;
constexpr std::uint64_t k_tail_frames = 12;
constexpr double k_burst = 0.020;  // a lump: everything within this
constexpr double k_flow = 0.100;   // a flow: spread over at least this
constexpr double k_waited = 0.300; // before a lump
constexpr double k_tail = 1.0;     // between the first event and a tail

PacingVerdict held(const PacingFacts& f, double paced, double spread) {
    const std::uint64_t reads = std::max<std::uint64_t>(3, f.content_frames / 4);
    const bool flowed = spread >= paced / 2 && f.content_reads >= reads;
    return {
        flowed ? Pacing::streamed : Pacing::buffered,
        fmt::format(
            "{} content frames made over {} arrived in {} reads over {}",
            f.content_frames,
            seconds_text(paced),
            f.content_reads,
            seconds_text(spread)
        ),
    };
}

} // namespace

std::string_view to_string(Pacing pacing) noexcept {
    static constexpr std::array<std::string_view, 3> k_words{"streamed", "buffered", "undecided"};
    return enum_word<Pacing::undecided>(k_words, pacing);
}

PacingVerdict judge_pacing(const PacingFacts& f, std::optional<Millis> paced_over) {
    const double spread = f.last_content - f.first_content;
    if (f.content_frames < k_few) {
        return {
            Pacing::undecided,
            fmt::format("{} content frames, {} are needed", f.content_frames, k_few),
        };
    }
    if (paced_over) {
        const double paced = seconds(*paced_over);
        if (f.last_content < paced * 0.8) {
            return {
                Pacing::undecided,
                fmt::format(
                    "all content was there after {}, sooner than the {} it takes at "
                    "the recorded pace",
                    seconds_text(f.last_content),
                    seconds_text(paced)
                ),
            };
        }
        return held(f, paced, spread);
    }
    const std::string figures = fmt::format(
        "{} content frames arrived in {} reads over {}, the first after {}",
        f.content_frames,
        f.content_reads,
        seconds_text(spread),
        seconds_text(f.first_content)
    );
    if (spread >= k_flow && f.content_reads >= std::max<std::uint64_t>(3, f.content_frames / 10)) {
        return {Pacing::streamed, figures};
    }
    if (f.first_event >= k_waited && f.last_content - f.first_event <= k_burst) {
        return {
            Pacing::buffered,
            fmt::format(
                "nothing for {}, then everything at once: {}", seconds_text(f.first_event), figures
            ),
        };
    }
    if (f.content_frames >= k_tail_frames && f.first_content - f.first_event >= k_tail &&
        spread <= k_burst) {
        return {Pacing::buffered, "all content came in one piece at the end: " + figures};
    }
    return {Pacing::undecided, figures};
}

bool comes_at_once(const PacingFacts& target, const PacingFacts& origin) noexcept {
    constexpr double k_later = 0.1;
    const double there = target.last_content - target.first_content;
    const double here = origin.last_content - origin.first_content;
    return there < here / 4 && target.first_content - origin.first_content >= k_later;
}

} // namespace oa_stream::probe
