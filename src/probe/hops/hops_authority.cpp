// The hop without an address: decides whether the authority is silent, late or gone, or the lane.
#include "oa_stream/probe/hops.hpp"
#include "oa_stream/turn/event.hpp"

#include "hops_reads.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::probe {
namespace {

using turn::FailureCode;

/// Endings that the lane sends because of its authority.
constexpr std::array k_its_failures{
    FailureCode::turn_failed,
    FailureCode::authority_lost,
    FailureCode::authority_timeout,
    FailureCode::stalled,
    FailureCode::codex_error,
};
/// The same, before a stream began.
constexpr std::string_view k_not_there = "authority_unavailable";

bool is_its_failure(std::string_view code) {
    return code == k_not_there || std::ranges::any_of(k_its_failures, [&](FailureCode known) {
               return turn::words_of(known).word == code;
           });
}

/// The probe waited in vain; a hop that still sends comments is alive.
std::optional<Finding> silent_to_the_end(const HopSeen& inside, const ProbeSample& sample) {
    const bool waited = sample.outcome == Outcome::stalled ||
                        sample.outcome == Outcome::ttfb_timeout ||
                        sample.outcome == Outcome::too_slow;
    if (!waited || sample.done) {
        return std::nullopt;
    }
    const Reads reads = reads_of(sample);
    const double whole = sample.clocks.end.value_or(0);
    const bool beats = reads.count > sample.content_reads + 1 && reads.longest_s < whole / 2;
    if (beats) {
        return Finding{
            Verdict::fail,
            fmt::format(
                "{} has not ended its answer after {:.1f}s, while the heartbeat of {} every "
                "{:.1f}s goes on: the lane waits for it",
                k_authority_hop,
                whole,
                inside.name,
                reads.longest_s
            ),
            std::string(k_authority_hop),
            whole
        };
    }
    return Finding{
        Verdict::fail,
        fmt::format(
            "{} sends nothing for {:.1f}s, not even a heartbeat: whether its authority would "
            "answer cannot be seen past it",
            inside.name,
            std::max(sample.silence_s, whole - sample.clocks.headers.value_or(0))
        ),
        inside.name,
        sample.silence_s
    };
}

std::optional<Finding> failure(const HopSeen& inside) {
    for (const ProbeSample* sample :
         {&inside.plain,
          inside.steady ? &*inside.steady : nullptr,
          inside.silent ? &*inside.silent : nullptr}) {
        if (sample == nullptr) {
            continue;
        }
        // The trial requests this silence, so a limit of the lane that ends it is no fault here.
        const bool asked = sample != &inside.plain && ran_into_limit(*sample);
        if (is_its_failure(sample->error_code) && !asked) {
            const double end = sample->clocks.end.value_or(0);
            return Finding{
                Verdict::fail,
                fmt::format(
                    "{} fails after {:.1f}s ({}), says {}",
                    k_authority_hop,
                    end,
                    sample->error_code,
                    inside.name
                ),
                std::string(k_authority_hop),
                end
            };
        }
    }
    return silent_to_the_end(inside, inside.plain);
}

/// Recorded words have known times, which show how late they are at the lane.
Finding of_recorded(const std::string& lane, const ProbeSample& steady) {
    const double late = std::max(0.0, steady.max_gap_s - k_word_every_s);
    if (late >= k_held_s) {
        return {
            Verdict::fail,
            fmt::format(
                "{} says a word every {:.2f}s as it is asked to, and {} shows up to {:.1f}s "
                "between two: the authority or the lane holds them back",
                k_authority_hop,
                k_word_every_s,
                lane,
                steady.max_gap_s
            ),
            std::string(k_authority_hop),
            steady.max_gap_s
        };
    }
    return {
        .detail = fmt::format(
            "what the {} says is a frame at {} at most {:.0f}ms later (words every {:.2f}s)",
            k_authority_hop,
            lane,
            late * 1000,
            k_word_every_s
        )
    };
}

Finding of_model(const HopSeen& inside, double longest) {
    const double first = inside.plain.clocks.first_content.value_or(0);
    const double quiet = std::max(first, inside.plain.max_gap_s);
    std::string detail = fmt::format(
        "the {} began to answer after {:.1f}s and was silent for {:.1f}s at most",
        k_authority_hop,
        first,
        inside.plain.max_gap_s
    );
    if (quiet > longest) {
        return {
            Verdict::inconclusive,
            detail +
                fmt::format(
                    ": longer than the {:.0f}s that were tried at the hops. Give more time", longest
                )
        };
    }
    return {.detail = std::move(detail)};
}

} // namespace

Check judge_authority(const HopSeen& inside, Millis longest, const std::string& prefix) {
    Finding found;
    if (auto failed = failure(inside)) {
        found = *std::move(failed);
    } else if (inside.steady && is_whole(inside.steady->outcome)) {
        found = of_recorded(inside.name, *inside.steady);
    } else if (gives_no_stream(inside)) {
        found = {.verdict = Verdict::error, .detail = no_answer_of(inside)};
    } else {
        found = of_model(inside, seconds(longest));
    }
    return check_of(found, fmt::format("{}.hops.{}", prefix, k_authority_hop));
}

} // namespace oa_stream::probe
