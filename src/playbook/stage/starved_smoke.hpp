// A stream smoke on a machine where other processes use up the processor. Private to the room.
#pragma once

#include "oa_stream/probe/smoke.hpp"
#include "oa_stream/probe/stall_meter.hpp"

#include <vector>

namespace oa_stream::playbook {

/// Runs the smoke, and repeats it, up to three times in all, while checks of pace fail and
/// oa-stream itself was stalled. If they still fail they are INCONCLUSIVE with the reason; the
/// other checks are unaffected.
[[nodiscard]] Task<std::vector<Check>> smoke_unless_starved(
    net::HttpClient* client, const probe::StallMeter* meter, probe::SmokeOptions options
);

} // namespace oa_stream::playbook
