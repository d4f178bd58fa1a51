// The authority's data of a thread, converted for the chats API. Nothing here is stored: each
// answer is built from the authority's current data.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// What a projection needs in addition to the turn.
struct ProjectionContext {
    std::string thread;    ///< the client's id
    std::string provider{}; ///< the member modelProvider of runs
    std::string model{}; ///< for turns without a model; empty: unknown, shown as null
    std::string newest{}; ///< the authority's id of the newest turn; empty: unknown
    /// Calls of the page's functions that wait for a result, if the newest turn is running.
    std::vector<turn::ClientCall> calls{};
    /// Ids of these and of the answered calls, in the order of the stream.
    std::vector<std::string> call_order{};
};

/// The outcome that the client received, where the authority's differs.
[[nodiscard]] turn::Outcome outcome_of(const authority::PastTurn& turn) noexcept;
/// "running", "unknown", or the status in the stream's finish: "completed", "interrupted",
/// "aborted", "failed".
[[nodiscard]] std::string_view status_of(const authority::PastTurn& turn) noexcept;

/// At most 200 code points, because a thread's first text can be long. Text that looks like a key
/// is redacted: titles are stored in the id map and shown in lists.
[[nodiscard]] std::string short_title(std::string_view text);

/// The model of the turn's answer; empty: unknown.
[[nodiscard]] const std::string&
model_of(const ProjectionContext& context, const authority::PastTurn& turn);

/// {id,title,autopilotId,archived,createdAt,updatedAt}. Times are RFC 3339, null when unknown; a
/// thread without a title is shown as "New conversation".
[[nodiscard]] Json
project_thread(std::string_view id, const authority::ThreadInfo& info, bool archived);

/// Ids of the user's message that began the turn. Lists use the first: the client's own, or else
/// the authority's. A page may hold another one from an earlier list.
[[nodiscard]] std::vector<std::string> question_ids(const authority::PastTurn& turn);

/// The user's message and the assistant's, if they exist. A completed turn always has an answer.
/// There is none for a running turn (unless it waits for results of the page) and for one without
/// stored content, because a page could only show an empty bubble.
/// {id,runId,autopilotId,role,content,meta,createdAt,updatedAt,parts,metadata}; id, parts and
/// metadata make it a UIMessage. Ids: the client's own for its message; the turn's for the answer,
/// as in the stream.
[[nodiscard]] std::vector<Json>
project_messages(const ProjectionContext& context, authority::PastTurn turn);

/// A seeded message in the same shape; the status in its metadata is "seeded".
[[nodiscard]] Json project_seeded(const ProjectionContext& context, Json message);

/// {id,status,autopilotId,autopilotConfigVersion,modelProvider,model,usage,meta,error,startedAt,
/// completedAt,createdAt,updatedAt}. Usage is null: only the stream contains it.
[[nodiscard]] Json project_run(const ProjectionContext& context, const authority::PastTurn& turn);

/// In order, from seq 1: run_started, model_stream_started, then for each part and call of the
/// answer text | reasoning | note, tool_call_started, tool_call_succeeded | tool_call_failed; at
/// the end of a completed turn model_finished, model_empty_response for an empty answer,
/// run_completed; otherwise run_interrupted or run_failed. A running turn has no end yet, an
/// unknown one may have none.
/// {id,seq,type,autopilotId,actorType,actorAutopilotId,payload,createdAt}; id is seq; createdAt is
/// null when the time is unknown.
[[nodiscard]] std::vector<Json>
project_events(const ProjectionContext& context, const authority::PastTurn& turn);

/// SHA-256 as hex over JSON with sorted members at every depth and without unnecessary escapes.
[[nodiscard]] std::string canonical_hash(const Json& value);

} // namespace oa_stream::lane
