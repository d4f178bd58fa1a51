// What a turn is told of its end when the authority does not say.
#pragma once

#include "oa_stream/lane/records.hpp"
#include "oa_stream/turn/event.hpp"

namespace oa_stream::lane {

/// The end that a turn gets from us when the authority gives none.
[[nodiscard]] turn::TurnEnded end_for(StopReason reason);

} // namespace oa_stream::lane
