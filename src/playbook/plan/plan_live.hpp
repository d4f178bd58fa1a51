// Checks that a plan may begin from the live state. Private to the room.
#pragma once

#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <string_view>

namespace oa_stream::playbook {

/// Code::precondition when the playbook cannot begin from `live` on `target`.
[[nodiscard]] Result<void>
check_live(const Playbook& playbook, std::string_view target, const traffic::TrafficState& live);

} // namespace oa_stream::playbook
