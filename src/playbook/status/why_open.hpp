// Why a run needs an operator. Private to the room.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/playbook/status.hpp"

#include <string>

namespace oa_stream::playbook {

/// Whether the run's last rollback is unverified; `run`: its run.json.
[[nodiscard]] bool is_rollback_unverified(const Json& run);

/// For a run without a process; empty: no action is needed.
[[nodiscard]] std::string why_open(const RunStatus& out, const Json& run);

} // namespace oa_stream::playbook
