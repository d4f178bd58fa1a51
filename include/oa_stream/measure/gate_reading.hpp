// A gate judged on a source's numbers of both arms: by counts and buckets, whose blur is taken
// against whatever would be concluded.
#pragma once

#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/source.hpp"

#include <memory>
#include <string>

namespace oa_stream::measure {

/// The requests as they may have been, had the source erred to the bad or to the good side, with
/// those of the window's ends and those that a restart hides that speak for it, and `unread` more
/// of the kind. A count of none is exact where it is extrapolated: from nothing comes nothing.
[[nodiscard]] Counts as_may_have_been(const SourceReading& reading, double unread, bool bad);

/// Like evaluate(); `base` says window, look and seed. Nothing of an arm that is needed is
/// INCONCLUSIVE, whatever the other says. A PASS must hold, too, when each count is off by the
/// source's own error to the bad side, a FAIL when it is to the good side: else INCONCLUSIVE.
[[nodiscard]] GateRecord evaluate_readings(
    const GateSpec& spec,
    const SourceReading& canary,
    const SourceReading& stable,
    const GateInput& base
);

/// The record of a gate that could not be judged: Verdict::inconclusive for what is not known,
/// Verdict::error for what could not be asked.
[[nodiscard]] GateRecord
unjudged(const GateSpec& spec, const GateInput& base, Verdict verdict, std::string_view why);

/// All that a gate is judged by, so that the same judgement can be made again later.
struct GateBasis {
    /// The source that judges: "prometheus"; empty: the samples do.
    std::string asked{};
    std::shared_ptr<const DatedReading> canary{}; ///< null: it has not answered yet
    std::shared_ptr<const DatedReading> stable{};
    std::string silent{};  ///< why it does not answer
    std::string instead{}; ///< why the samples judge in its place; its FAIL stays one
    std::string open{};    ///< why nothing but a FAIL can come of its numbers
    std::string skipped{}; ///< why there is nothing to judge yet; no verdict then
    bool beside = false;   ///< samples are looked at as well, and may only FAIL
    std::uint64_t canary_samples = 0; ///< how many of each arm were seen
    std::uint64_t stable_samples = 0;
    std::uint64_t seed = 1;
    std::uint64_t canary_earlier = 0; ///< how many came before those, and were left out
    std::uint64_t stable_earlier = 0;
};

/// The gate on `basis` and on the samples of `input`; the record holds the basis, with the samples'
/// numbers and the seed of `input`.
[[nodiscard]] GateRecord
evaluate_basis(const GateSpec& spec, GateBasis basis, const GateInput& input);

/// {"seed": …, "samples": {…}, …} without the readings, which have lines of their own.
[[nodiscard]] Json to_json(const GateBasis& basis);
/// Its opposite; the caller adds the readings. Members that are missing are empty.
[[nodiscard]] GateBasis basis_from_json(const Json& json);

} // namespace oa_stream::measure
