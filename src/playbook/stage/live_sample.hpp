// Converts a probe to a sample for gates. Private to the room.
#pragma once

#include "oa_stream/measure/sample.hpp"
#include "oa_stream/probe/prober.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <string>

namespace oa_stream::playbook {

[[nodiscard]] measure::Sample
to_sample(std::string arm, double at_s, const probe::ProbeSample& from);

/// As a user would have experienced it: time that the probe waited before it was sent counts.
[[nodiscard]] measure::Sample to_sample(const probe::ProberSample& from, double now_s);
/// Answered well, by a revision that the split names.
[[nodiscard]] bool reaches(const measure::Sample& sample, const traffic::Split& split);
/// Why a fresh connection failed that, as a hint for where to look next.
[[nodiscard]] std::string missed_text(const measure::Sample& sample);
/// The sample of a probe that was cancelled without a result.
[[nodiscard]] measure::Sample given_up(std::string arm, double at_s);

} // namespace oa_stream::playbook
