// Bodies of the worker control API. Pure.
#pragma once

#include "control_client.hpp"

namespace oa_stream::authority {

[[nodiscard]] std::string command_body(const WorkerCommand& command);
[[nodiscard]] WorkerSnapshot read_snapshot(const Json& data);
[[nodiscard]] WorkerLog read_log(Json data);
/// {"data":{"ok","response"}}: the response. Code::protocol, or Code::unavailable for ok:false.
[[nodiscard]] Result<Json> read_receipt(const Json& body);
/// worker.response or worker.error as the answer to its command. Of worker.error the code stands in
/// `where`.
[[nodiscard]] CommandEvent read_command_event(const Json& payload);

/// Of a response: thread.id | thread_id, turn.id | turn_id, each also under "result". May be empty.
[[nodiscard]] std::string thread_of(const Json& response);
[[nodiscard]] std::string turn_of(const Json& response);
/// The thread, also under "result"; empty when it has none.
[[nodiscard]] const Json& thread_in(const Json& response);
/// Of a response that has a thread: a turn runs on it. Only the app-server says so.
[[nodiscard]] bool thread_runs(const Json& response);
/// A string member of the response, or under "result".
[[nodiscard]] std::string text_of_response(const Json& response, std::string_view key);

/// "Too many requests. Retry in 17s." → 17.
[[nodiscard]] std::optional<int> retry_seconds(std::string_view message);
/// Why a 426 refuses this build: its code and the window, in words of ours.
[[nodiscard]] std::string compat_text(const Json& body);

} // namespace oa_stream::authority
