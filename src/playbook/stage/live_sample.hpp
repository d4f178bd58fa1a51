// A probe as the gates see it. Private to the room.
#pragma once

#include "oa_stream/measure/sample.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <string>

namespace oa_stream::playbook {

[[nodiscard]] measure::Sample
to_sample(std::string arm, double at_s, const probe::ProbeSample& from);

} // namespace oa_stream::playbook
