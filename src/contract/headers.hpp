// Rules H1–H6 over a parsed response head.
#pragma once

#include "oa_stream/contract/judge.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::contract {

/// H2–H6, as far as they are the profile's. The status is the caller's business: on another one
/// than 200 there is no stream.
void judge_headers(const ResponseHead& head, Profile profile, const UiMachine::Report& report);

} // namespace oa_stream::contract
