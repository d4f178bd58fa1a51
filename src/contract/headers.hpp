// Rules H1–H6 over a parsed response head.
#pragma once

#include "oa_stream/contract/judge.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::contract {

/// Those of H2–H6 that are in the profile. The caller handles the status: only a 200 has a stream.
void judge_headers(const ResponseHead& head, Profile profile, const UiMachine::Report& report);

} // namespace oa_stream::contract
