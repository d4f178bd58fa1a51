// Judges a gate on a source's readings of both arms. They hold counts and buckets; their
// imprecision always weighs against the conclusion.
#pragma once

#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/source.hpp"

#include <memory>
#include <string>

namespace oa_stream::measure {

/// The request counts if the source erred to the bad side (`bad`) or to the good side. Includes the
/// requests at the window's ends and those hidden by a restart that support that side, and `unread`
/// more of that kind. A count of zero is exact where counts are extrapolated: extrapolation makes
/// no events from none.
[[nodiscard]] Counts as_may_have_been(const SourceReading& reading, double unread, bool bad);

/// Like evaluate(); `base` gives window, look and seed. INCONCLUSIVE when an arm lacks a number
/// that the gate needs, whatever the other arm shows. A PASS must also hold when each count is off
/// by the source's own error to the bad side, a FAIL when it is off to the good side; otherwise
/// INCONCLUSIVE.
[[nodiscard]] GateRecord evaluate_readings(
    const GateSpec& spec,
    const SourceReading& canary,
    const SourceReading& stable,
    const GateInput& base
);

/// The record of a gate that could not be judged: Verdict::inconclusive for unknown numbers,
/// Verdict::error when the source could not be queried.
[[nodiscard]] GateRecord
unjudged(const GateSpec& spec, const GateInput& base, Verdict verdict, std::string_view why);

/// The complete input of a gate's judgement, so that it can be repeated later.
struct GateBasis {
    /// The source that judges: "prometheus"; empty: the samples do.
    std::string asked{};
    std::shared_ptr<const DatedReading> canary{}; ///< null: the source has not answered yet
    std::shared_ptr<const DatedReading> stable{};
    std::string silent{}; ///< why the source does not answer
    /// Why the samples judge in the source's place; a FAIL of the source stays a FAIL.
    std::string instead{};
    std::string open{}; ///< why the source's numbers can only lead to a FAIL
    std::string skipped{}; ///< why there is nothing to judge yet; the gate then has no verdict
    bool beside = false; ///< samples are judged as well, and may only FAIL
    std::uint64_t canary_samples = 0; ///< samples of each arm
    std::uint64_t stable_samples = 0;
    std::uint64_t seed = 1;
    std::uint64_t canary_earlier = 0; ///< earlier samples of each arm, left out
    std::uint64_t stable_earlier = 0;
};

/// Judges the gate on `basis` and on the samples of `input`. The record holds the basis, with the
/// number of samples and the seed of `input`.
[[nodiscard]] GateRecord
evaluate_basis(const GateSpec& spec, GateBasis basis, const GateInput& input);

/// {"seed": …, "samples": {…}, …} without the readings, which are stored in separate lines.
[[nodiscard]] Json to_json(const GateBasis& basis);
/// Inverse of to_json(); the caller adds the readings. Missing members stay empty.
[[nodiscard]] GateBasis basis_from_json(const Json& json);

} // namespace oa_stream::measure
