// A probe as the gates see it. Private to the room.
#pragma once

#include "oa_stream/measure/sample.hpp"
#include "oa_stream/probe/prober.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <string>

namespace oa_stream::playbook {

[[nodiscard]] measure::Sample
to_sample(std::string arm, double at_s, const probe::ProbeSample& from);

/// The same as a user would have seen it: a probe that had to wait for its turn waited.
[[nodiscard]] measure::Sample to_sample(const probe::ProberSample& from, double now_s);
/// Answered well, by a revision that the split names.
[[nodiscard]] bool reaches(const measure::Sample& sample, const traffic::Split& split);
/// How a fresh connection missed that: without it nobody knows where to look next.
[[nodiscard]] std::string missed_text(const measure::Sample& sample);
/// A probe that is given up without a word of how far it came.
[[nodiscard]] measure::Sample given_up(std::string arm, double at_s);

} // namespace oa_stream::playbook
