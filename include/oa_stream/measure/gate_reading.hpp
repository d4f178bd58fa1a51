// A gate judged on what a source told of both arms: by counts and buckets, whose blur is taken
// against whatever would be concluded.
#pragma once

#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/source.hpp"

namespace oa_stream::measure {

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

} // namespace oa_stream::measure
