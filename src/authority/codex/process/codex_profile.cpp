#include "codex_profile.hpp"

#include "codex_sandbox.hpp"
#include "codex_toml.hpp"

#include <fmt/format.h>

namespace oa_stream::authority {

namespace {

// Both profiles: no telemetry, nothing read from this machine's user, one provider.
constexpr std::string_view k_common_top = R"(check_for_update_on_startup = false
web_search = "disabled"
project_doc_max_bytes = 0
allow_login_shell = false
include_apps_instructions = false
cli_auth_credentials_store = "file"
suppress_unstable_features_warning = true
hide_agent_reasoning = false
thread_unload_delay_secs = 60
)";

// Chat: the first protection is that no tool is offered; sandbox and policy are the second. Codex
// cuts results of client functions in the middle above the limit. The size of a request body bounds
// them already. For agents the limit would also apply to the output of commands.
constexpr std::string_view k_chat_top = R"(approval_policy = "never"
tool_output_token_limit = 4000000
sandbox_mode = "read-only"
include_environment_context = false
include_permissions_instructions = false
include_collaboration_mode_instructions = false
instructions = "You are a chat assistant. Answer in text."
)";

std::string agent_top(const CodexOptions& options) {
    // An approved command runs without the sandbox: one owner could give himself access to the
    // folders of the others.
    return fmt::format(
        "approval_policy = \"{}\"\ndefault_permissions = \"{}\"\n",
        options.confined ? "never" : "on-request",
        k_permissions
    );
}

// Codex would otherwise retry an unreachable provider for ever (unbounded_connection_retries), and
// plugins contact three hosts at start. A rollout unused for a week is stored compressed, at a
// tenth to a twentieth of its size (local_thread_store_compression).
constexpr std::string_view k_common_features = R"([features]
unbounded_connection_retries = false
shell_snapshot = false
goals = false
apps = false
plugins = false
remote_plugin = false
plugin_sharing = false
hooks = false
image_generation = false
tool_suggest = false
skill_search = false
skip_host_skill_discovery = true
memories = false
sleep_tool = false
browser_use = false
browser_use_external = false
computer_use = false
in_app_browser = false
workspace_dependencies = false
code_mode = false
daemon_auto_start = false
local_thread_store_compression = true
)";

constexpr std::string_view k_chat_features = R"(shell_tool = false
unified_exec = false
view_image = false

[tools.update_plan]
enabled = false

[shell_environment_policy]
inherit = "none"
)";

constexpr std::string_view k_agent_features = "view_image = false\n";

constexpr std::string_view k_common_tables = R"(
[tools.experimental_request_user_input]
enabled = false

[skills]
include_instructions = false

[skills.bundled]
enabled = false

[agents]
enabled = false

[orchestrator.skills]
enabled = false

[history]
persistence = "none"

[analytics]
enabled = false

[feedback]
enabled = false
)";

std::string provider_table(const CodexOptions& options) {
    std::string url = options.provider_base_url;
    while (url.ends_with('/')) {
        url.pop_back();
    }
    const std::string key =
        options.provider_env_key.empty()
            ? std::string{}
            : fmt::format("env_key = {}\n", toml_string(options.provider_env_key));
    // No retries in codex: it repeats a broken attempt's text as a new item.
    return fmt::format(
        "\n[model_providers.{}]\nname = \"oa-stream upstream\"\nbase_url = {}\n{}"
        "wire_api = \"responses\"\nrequest_max_retries = 0\nstream_max_retries = 0\n"
        "stream_idle_timeout_ms = 60000\nrequires_openai_auth = false\n"
        "supports_websockets = false\n\n",
        k_provider_id,
        toml_string(url),
        key
    );
}

} // namespace

std::string profile_config(
    const CodexOptions& options,
    const std::string& catalog,
    const std::filesystem::path& command_home
) {
    const bool chat = options.profile == CodexProfile::chat;
    std::string out = "# Written by oa-stream at every start; changes are lost.\n";
    out += fmt::format(
        "model = {}\nmodel_provider = \"{}\"\n", toml_string(options.model), k_provider_id
    );
    if (!catalog.empty()) {
        out += fmt::format("model_catalog_json = {}\n", toml_string(catalog));
    }
    out += chat ? std::string(k_chat_top) : agent_top(options);
    out += k_common_top;
    out += provider_table(options);
    out += k_common_features;
    // The model's commands get PATH and a separate HOME, never the provider's key.
    out += chat ? std::string(k_chat_features)
                : std::string(k_agent_features) + sandbox_tables(options, command_home);
    out += k_common_tables;
    return out;
}

} // namespace oa_stream::authority
