// The parameters of every request we send. Each is built from a fixed list of members: client data
// is never relayed as it is, because the connection gives full access to the machine.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"

#include "codex/process/codex_toml.hpp"

#include <string>
#include <string_view>

namespace oa_stream::authority {

[[nodiscard]] Json initialize_params();
/// An empty `cwd` means the server's own.
[[nodiscard]] Json
thread_start_params(const std::string& cwd, bool ephemeral, const std::string& instructions);
/// Adds the client's functions to the request for a new thread.
void add_tools(Json& thread_start, const std::vector<ClientTool>& tools);
[[nodiscard]] Json thread_resume_params(const std::string& thread);
/// Requests only the newest turn, as a page.
[[nodiscard]] Json thread_resume_newest_params(const std::string& thread);
[[nodiscard]] Json thread_revert_params(const std::string& thread, const std::string& turn);
/// `last_turn` empty: all turns.
[[nodiscard]] Json
thread_fork_params(const std::string& thread, const std::string& last_turn, const std::string& cwd);
[[nodiscard]] Json thread_params(const std::string& thread);
[[nodiscard]] Json inject_params(const std::string& thread, const std::vector<SeedMessage>& seed);
/// Developer instructions before a turn.
[[nodiscard]] Json developer_params(const std::string& thread, const std::string& text);
[[nodiscard]] Json list_models_params();
[[nodiscard]] Json turn_start_params(const std::string& thread, const TurnRequest& request);
/// Codex stores no model with a turn, but it stores the id of the user message. The model's name is
/// appended to that id. untag_message() splits it again; `model` is empty if there was none.
[[nodiscard]] std::string tag_message(std::string_view id, std::string_view model);
struct TaggedMessage {
    std::string_view id;
    std::string_view model;
};
[[nodiscard]] TaggedMessage untag_message(std::string_view tagged);
/// Codex keeps a turn's effort for later turns; this resets it to the model's default.
[[nodiscard]] Json no_effort(std::string_view model);
/// An empty `turn` stops whatever runs on the thread, even before turn/started.
[[nodiscard]] Json interrupt_params(const std::string& thread, const std::string& turn);

/// A thread's settings in force, from the result of thread/start or thread/resume.
struct ThreadFacts {
    std::string id{};
    std::string model{};
    std::string effort{}; ///< for turns without their own effort; empty: the model's default
};

/// Compares provider, approval policy and sandbox with config.toml. Errors: Code::precondition
/// names the difference, Code::protocol when the result is not a thread.
[[nodiscard]] Result<ThreadFacts> check_thread(const Json& result, const ConfigFacts& facts);

/// The cursor after `page`, which was requested with `cursor`. Empty: `page` is the last one, or
/// its cursor leads to itself.
[[nodiscard]] std::string cursor_behind(const Json& page, std::string_view cursor);

/// Whether the thread in a result of thread/resume or thread/read has a turn under way.
[[nodiscard]] bool runs_turn(const Json& result);

/// "0.169.0" from the userAgent of initialize ("oa_stream/0.169.0 (Debian …"); empty when unclear.
[[nodiscard]] std::string version_of_user_agent(std::string_view user_agent);

} // namespace oa_stream::authority
