// Why a run needs somebody. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/playbook/status.hpp"

#include <string>

namespace oa_stream::playbook {

/// Of its last rollback; `run`: its run.json.
[[nodiscard]] bool is_rollback_unverified(const Json& run);

/// Of one that nobody works on; empty: nobody has to do anything.
[[nodiscard]] std::string why_open(const RunStatus& out, const Json& run);

} // namespace oa_stream::playbook
