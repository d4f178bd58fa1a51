// The sentence of a gate record. Private to the room.
#pragma once

#include "oa_stream/measure/gate.hpp"

namespace oa_stream::measure {

/// Computed from the record's numbers only, so that text and verdict cannot disagree.
[[nodiscard]] std::string sentence_of(const GateRecord& record);

/// "canary ", unless the record has no arms to name.
[[nodiscard]] std::string whose(const GateRecord& record);
/// "bad rate", "p95 first content", "p99.5 duration"
[[nodiscard]] std::string subject_of(const GateSpec& spec);

} // namespace oa_stream::measure
