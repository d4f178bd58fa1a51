// The sentence of a gate record. Private to the room.
#pragma once

#include "oa_stream/measure/gate.hpp"

namespace oa_stream::measure {

/// Made from the record's own numbers, so that text and verdict cannot disagree.
[[nodiscard]] std::string sentence_of(const GateRecord& record);

} // namespace oa_stream::measure
