// Server requests of codex that a person may decide, and the pending ones of one turn.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::authority {

/// The work folder and sandbox of the turn that asks.
struct ApprovalPlace {
    std::filesystem::path work{}; ///< the thread's cwd
    bool sandboxed = true;        ///< commands run in Codex's sandbox unless approved
};

struct ApprovalQuestion {
    enum class Kind { command, file_change, permissions, mcp_call };
    Kind kind = Kind::command;
    std::string item{}; ///< itemId; empty when the request has none
    std::string tool{}; ///< the call's name on the wire; empty: any item type
    Json input{};       ///< the request's content, for a question without a call
    Json wanted{};      ///< the permissions that an approval grants
    Json details{};     ///< shown to the person, see approval_details()
};

/// nullopt when the request is not a yes/no question.
[[nodiscard]] std::optional<ApprovalQuestion>
approval_of(std::string_view method, const Json& params);
/// {"result":…}: approves once, or declines and lets the turn continue.
[[nodiscard]] Json approval_answer(const ApprovalQuestion& question, bool approved);
/// The note for a question that no client can answer here; nullopt: not a question.
[[nodiscard]] std::optional<turn::Note>
unanswered_note(std::string_view method, const Json& params);

/// The open approvals of one turn and their calls.
class CodexApprovals {
public:
    /// A reply for codex: the request's id and the body.
    struct Reply {
        Json request;
        Json body;
    };

    explicit CodexApprovals(ApprovalPlace place = {}) : place_(std::move(place)) {}

    /// Call it for each item that starts or (`ended`) completes. A question about a patch does not
    /// name its files; only the item does.
    void watch_item(const Json& item, bool ended);
    /// Call it for all events of the turn, in order. Inserts events that must precede one of them:
    /// when a call ends, its pending approval was decided elsewhere.
    void watch(EventBatch& events);
    /// Appends the events that show a new question to the client. Codex repeats the question on a
    /// new connection with the same `request`; the approval's id is derived from it and stays the
    /// same.
    void
    ask(ApprovalQuestion question, const Json& request, std::string_view turn, EventBatch& out);
    /// The call of this question was opened.
    [[nodiscard]] bool knows_call(const ApprovalQuestion& question) {
        return call_of(question) != nullptr;
    }
    /// Code::not_found when no approval with this id is pending.
    [[nodiscard]] Result<Reply> answer(std::string_view id, bool approved, EventBatch& out);
    /// serverRequest/resolved: no answer is needed any more.
    void resolved(const Json& request, EventBatch& out);
    /// Declines all pending questions, without events.
    [[nodiscard]] std::vector<Reply> withdraw();
    /// Returns declines for the questions whose call ended unanswered: codex may still wait for
    /// them.
    [[nodiscard]] std::vector<Reply> take_ended() { return std::exchange(ended_, {}); }

private:
    struct Pending {
        std::string id{}, call{};
        ApprovalQuestion question{};
        Json request{};
        bool stands_in = false; ///< the call was created for this question
    };
    struct Call {
        std::string id, name;
        Json input{};
        bool asked = false; ///< a question without an item refers to this call
    };
    [[nodiscard]] Call* call_of(const ApprovalQuestion& question);
    [[nodiscard]] bool is_asked(std::string_view call) const;
    void watch(const turn::Event& event, EventBatch& before);
    void show(Pending pending, EventBatch& out);
    void settle(const Pending& pending, bool approved, EventBatch& out);
    [[nodiscard]] turn::Note note_of(const Pending& pending) const;

    ApprovalPlace place_;
    std::map<std::string, Json, std::less<>> changes_{}; ///< changes of patches, by item
    std::vector<Pending> pending_{};
    /// Further questions for calls that already have a pending one. A client decides one per call
    /// at a time.
    std::vector<Pending> behind_{};
    std::vector<Call> calls_{}; ///< calls that have not ended
    std::vector<Reply> ended_{};
};

} // namespace oa_stream::authority
