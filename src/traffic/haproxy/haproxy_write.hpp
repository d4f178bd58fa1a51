// Writes settings to HAProxy, and verifies them. Private to the room.
#pragma once

#include "oa_stream/base/task.hpp"

#include "haproxy_view.hpp"

#include <string>

namespace oa_stream::traffic {

/// Changes `before` to `wanted` with one line over one connection, so that a crash of ours cannot
/// leave half of it. Returns the text of a state file. Code::credentials and Code::precondition
/// with HAProxy's message: nothing has changed, or it was undone.
[[nodiscard]] Task<Result<std::string>>
write_settings(HaproxyDriverOptions options, HaproxySnapshot before, Settings wanted);

} // namespace oa_stream::traffic
