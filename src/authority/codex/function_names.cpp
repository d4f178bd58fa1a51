#include "oa_stream/authority/function_names.hpp"

#include "oa_stream/base/lists.hpp"

#include <array>

namespace oa_stream::authority {

namespace {

constexpr std::string_view k_prefix = "fn_";

/// The tools that codex-cli 0.169.0 offers to models, over all profiles and built-in models, so
/// that a client function has the same name in every lane. shell_command is hidden but answered;
/// mcp is refused.
constexpr std::array<std::string_view, 17> k_own{
    "apply_patch",
    "create_goal",
    "exec_command",
    "get_goal",
    "list_mcp_resource_templates",
    "list_mcp_resources",
    "mcp",
    "multi_agent_v1",
    "read_mcp_resource",
    "request_user_input",
    "shell_command",
    "tool_search",
    "update_goal",
    "update_plan",
    "view_image",
    "web_search",
    "write_stdin",
};

/// Includes the names that name_for_codex() creates, so that two functions never get the same name.
bool is_taken(std::string_view name) {
    while (name.starts_with(k_prefix)) {
        name.remove_prefix(k_prefix.size());
    }
    return name.starts_with("mcp__") || contains(k_own, name);
}

} // namespace

std::string name_for_codex(std::string_view name) {
    return is_taken(name) ? std::string(k_prefix).append(name) : std::string(name);
}

std::string name_for_client(std::string_view name) {
    const bool ours = name.starts_with(k_prefix) && is_taken(name);
    return std::string(ours ? name.substr(k_prefix.size()) : name);
}

} // namespace oa_stream::authority
