// Rules H1–H6 over a parsed response head.
#pragma once

#include "oa_stream/contract/judge.hpp"

namespace oa_stream::contract {

/// H2–H6. The status is the caller's business: on another one than 200 there is no stream.
void judge_headers(const ResponseHead& head, const UiMachine::Report& report);

} // namespace oa_stream::contract
