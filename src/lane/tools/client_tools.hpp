// The functions that a page brings along in `tools`, in the forms that front ends send.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include "gates/rejection.hpp"

#include <string>
#include <vector>

namespace oa_stream::lane {

/// {NAME: {description?, parameters}} as assistant-ui sends them, or an array whose entries have
/// the name as a member, below `function` too. The schema is `parameters` or `inputSchema`. At most
/// 128. 422 with the place for anything else: Codex would not offer it as it is meant. `unread`
/// gets members that Codex cannot pass on, as tools.NAME.MEMBER.
[[nodiscard]] Accepted<std::vector<authority::ClientTool>>
read_client_tools(const Json& tools, std::vector<std::string>& unread);

/// Equal for the same functions, in whatever order.
[[nodiscard]] std::string digest_of(std::vector<authority::ClientTool> tools);

} // namespace oa_stream::lane
