// The functions that a page sends in `tools`, in the forms of the usual front ends.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include "gates/rejection.hpp"

#include <string>
#include <vector>

namespace oa_stream::lane {

/// Reads {NAME: {description?, parameters}} as assistant-ui sends it, or an array whose entries
/// have the name as a member, possibly below `function`. The schema is `parameters` or
/// `inputSchema`. At most 128 tools. 422 with the place for everything else, because Codex would
/// not offer it with its meaning. `unread` receives members that Codex cannot pass on, as
/// tools.NAME.MEMBER.
[[nodiscard]] Accepted<std::vector<authority::ClientTool>>
read_client_tools(const Json& tools, std::vector<std::string>& unread);

/// Equal for the same functions in any order.
[[nodiscard]] std::string digest_of(std::vector<authority::ClientTool> tools);

} // namespace oa_stream::lane
