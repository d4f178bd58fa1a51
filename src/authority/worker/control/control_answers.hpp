// Bodies of the worker control API. Pure.
#pragma once

#include "control_client.hpp"

namespace oa_stream::authority {

[[nodiscard]] std::string command_body(const WorkerCommand& command);
[[nodiscard]] WorkerSnapshot read_snapshot(const Json& data);
[[nodiscard]] WorkerLog read_log(Json data);
/// {"data":{"ok","response"}}: the response. Code::protocol, or Code::unavailable for ok:false.
[[nodiscard]] Result<Json> read_receipt(const Json& body);
/// worker.response or worker.error as the result of its command. For worker.error, `where` has the
/// code.
[[nodiscard]] CommandEvent read_command_event(const Json& payload);

/// thread.id | thread_id and turn.id | turn_id of a response, each also under "result". May be
/// empty.
[[nodiscard]] std::string thread_of(const Json& response);
[[nodiscard]] std::string turn_of(const Json& response);
/// The thread object, also under "result"; empty if missing.
[[nodiscard]] const Json& thread_in(const Json& response);
/// Whether a turn runs on the response's thread. Only the app-server reports this.
[[nodiscard]] bool thread_runs(const Json& response);
/// A string member of the response, or under "result".
[[nodiscard]] std::string text_of_response(const Json& response, std::string_view key);

/// "Too many requests. Retry in 17s." → 17.
[[nodiscard]] std::optional<int> retry_seconds(std::string_view message);
/// "Message text exceeds 20000 characters." → 20000.
[[nodiscard]] std::optional<int> most_characters(std::string_view message);
/// Why a 426 refuses this build: its code and the window, as our own text.
[[nodiscard]] std::string compat_text(const Json& body);

} // namespace oa_stream::authority
