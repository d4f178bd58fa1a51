// Telling HAProxy, and making sure that it listened. Private to the room.
#pragma once

#include "oa_stream/base/task.hpp"

#include "haproxy_view.hpp"

#include <string>

namespace oa_stream::traffic {

/// Leads from `before` to `wanted` by one line over one connection, so that no crash of ours leaves
/// half of it undone. Returns the text of a state file. Code::credentials and Code::precondition
/// with HAProxy's words: nothing has changed, or it was taken back.
[[nodiscard]] Task<Result<std::string>>
write_settings(HaproxyDriverOptions options, HaproxySnapshot before, Settings wanted);

} // namespace oa_stream::traffic
