// Compares one pair of turns: what each side answered, and whether that is equivalent.
#pragma once

#include "oa_stream/base/verdict.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include "shadow_diff.hpp"
#include "shadow_turn.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::probe {

/// One side of a pair.
struct Heard {
    TurnMeaning meaning{};
    std::string ending{}; ///< in the words of ShadowPrompt::expect, or of Outcome
    std::string detail{};
    bool unreachable = false;
    bool denied = false;
    std::optional<double> first_content_s{}, end_s{};
    std::function<std::vector<std::string>(const std::string& stem)> keep{}; ///< on demand
};

/// How a lane's turn ended, in the words of ShadowPrompt::expect, or of Outcome.
[[nodiscard]] std::string ending_of(const ProbeSample& sample, const TurnMeaning& meaning);

/// The verdict on one pair.
struct PairVerdict {
    Verdict verdict = Verdict::pass;
    std::string detail{};
    std::vector<Difference> differences{};
    std::string outcome{}; ///< for an ERROR
    bool reference_failed = false; ///< it alone did not end as expected
};

/// `excerpts`: whether the differences may show text of the answers.
[[nodiscard]] PairVerdict judge_pair(
    const Heard& lane,
    const Heard& reference,
    const std::string& expect,
    Compare compare,
    Excerpts excerpts
);

/// {"lane": ending and times, "reference": the same, "verdict"}.
[[nodiscard]] Json pair_json(const Heard& lane, const Heard& reference, Verdict verdict);

} // namespace oa_stream::probe
