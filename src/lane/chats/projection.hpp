// What the authority keeps of a thread, in the shapes of the chats API. Nothing here is stored:
// each is made again from the authority's answer.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// What a turn alone does not say.
struct ProjectionContext {
    std::string thread;    ///< the client's id
    std::string provider{}; ///< member modelProvider of runs
    std::string model{}; ///< of turns that name none; empty: unknown, told as null
    std::string newest{}; ///< the authority's id of the newest turn; empty: unknown
    /// Of the newest turn, which runs: calls of the page's functions that wait for a result.
    std::vector<turn::ClientCall> calls{};
    /// Ids of these and of its answered ones, as the stream has them.
    std::vector<std::string> call_order{};
};

/// As its client was told, where the authority has another one.
[[nodiscard]] turn::Outcome outcome_of(const authority::PastTurn& turn) noexcept;
/// "running", "unknown", or as the stream's finish has it: "completed", "interrupted", "aborted",
/// "failed".
[[nodiscard]] std::string_view status_of(const authority::PastTurn& turn) noexcept;

/// At most 200 characters (code points): the first text of a thread can be long. Without what looks
/// like a key: titles are stored in the id map and shown in lists.
[[nodiscard]] std::string short_title(std::string_view text);

/// That made the turn's answer; empty: unknown.
[[nodiscard]] const std::string&
model_of(const ProjectionContext& context, const authority::PastTurn& turn);

/// {id,title,autopilotId,archived,createdAt,updatedAt}. Times are RFC 3339, null when unknown; a
/// thread without a title yet is a "New conversation".
[[nodiscard]] Json
project_thread(std::string_view id, const authority::ThreadInfo& info, bool archived);

/// Ids of the user's message that began the turn. The first is the one that lists give it: the
/// client's own, else the authority's. A page may have kept another from an earlier list.
[[nodiscard]] std::vector<std::string> question_ids(const authority::PastTurn& turn);

/// The user's message and the assistant's, as far as they are there: the answer of a running turn
/// (unless it waits for results of the page) and one of which nothing was kept are not (an empty
/// bubble would be all a page could show), a completed turn always has one.
/// {id,runId,autopilotId,role,content,meta,createdAt,updatedAt,parts,metadata}; id, parts and
/// metadata make it a UIMessage. Ids: the client's own of its message; the turn's of the answer, as
/// on the stream.
[[nodiscard]] std::vector<Json>
project_messages(const ProjectionContext& context, const authority::PastTurn& turn);

/// A message that the thread was seeded with, in the same shape; `seeded` is its metadata's status.
[[nodiscard]] Json project_seeded(const ProjectionContext& context, const Json& message);

/// {id,status,autopilotId,autopilotConfigVersion,modelProvider,model,usage,meta,error,startedAt,
/// completedAt,createdAt,updatedAt}. Usage is null: it travels with the stream alone.
[[nodiscard]] Json project_run(const ProjectionContext& context, const authority::PastTurn& turn);

/// In order, from seq 1: run_started, model_stream_started, then per part and call of the answer
/// text | reasoning | note, tool_call_started, tool_call_succeeded | tool_call_failed; at the end
/// of a completed turn model_finished, model_empty_response when it said nothing, run_completed;
/// else run_interrupted or run_failed; a running turn has no end yet, an unknown one may have none.
/// {id,seq,type,autopilotId,actorType,actorAutopilotId,payload,createdAt}; id is seq, createdAt is
/// null where no time is known.
[[nodiscard]] std::vector<Json>
project_events(const ProjectionContext& context, const authority::PastTurn& turn);

/// SHA-256 as hex over JSON whose members are sorted at every depth, nothing escaped that need not
/// be.
[[nodiscard]] std::string canonical_hash(const Json& value);

} // namespace oa_stream::lane
