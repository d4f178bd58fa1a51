// A stream smoke beside neighbours that take the processor. Private to the room.
#pragma once

#include "oa_stream/probe/smoke.hpp"
#include "oa_stream/probe/stall_meter.hpp"

#include <vector>

namespace oa_stream::playbook {

/// The smoke; while checks of pace fail and oa-stream itself stood still, once more, three times in
/// all. What fails then as well is INCONCLUSIVE with the reason: the rest stands as it is.
[[nodiscard]] Task<std::vector<Check>> smoke_unless_starved(
    net::HttpClient* client, const probe::StallMeter* meter, probe::SmokeOptions options
);

} // namespace oa_stream::playbook
