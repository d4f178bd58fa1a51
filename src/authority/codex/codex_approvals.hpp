// Server requests of codex that a person may decide, and those of one turn that wait for it.
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

/// Where the turn that asks works.
struct ApprovalPlace {
    std::filesystem::path work{}; ///< the thread's cwd
    bool sandboxed = true;        ///< commands run in Codex's sandbox unless somebody approves
};

struct ApprovalQuestion {
    enum class Kind { command, file_change, permissions, mcp_call };
    Kind kind = Kind::command;
    std::string item{}; ///< itemId; empty when the request has none
    std::string tool{}; ///< the name clients know the call by; empty: whatever the item is
    Json input{};       ///< what is asked for, should no call stand for it
    Json wanted{};      ///< permissions: granted as asked
    Json details{};     ///< for the person who decides, see approval_details()
};

/// nullopt when the request asks for something else than a yes or a no.
[[nodiscard]] std::optional<ApprovalQuestion>
approval_of(std::string_view method, const Json& params);
/// {"result":…}: yes for this once, or no with the turn going on.
[[nodiscard]] Json approval_answer(const ApprovalQuestion& question, bool approved);
/// The note a user sees for a question that nobody can answer here; nullopt: not a question.
[[nodiscard]] std::optional<turn::Note>
unanswered_note(std::string_view method, const Json& params);

/// The open approvals of one turn, and the calls they belong to.
class CodexApprovals {
public:
    /// An answer for codex: the request's id and the reply's body.
    struct Reply {
        Json request;
        Json body;
    };

    explicit CodexApprovals(ApprovalPlace place = {}) : place_(std::move(place)) {}

    /// To be called for each item that starts or (`ended`) completes: the question about a patch
    /// does not name its files, only the item does.
    void watch_item(const Json& item, bool ended);
    /// To be called for all events of the turn, in order. Adds what has to be told before one of
    /// them: an approval whose call ends was decided elsewhere.
    void watch(EventBatch& events);
    /// Appends the events that show a client a new question. Codex asks again on a new connection,
    /// with the same `request`; so does the approval's id follow from it, for whoever is asked.
    void
    ask(ApprovalQuestion question, const Json& request, std::string_view turn, EventBatch& out);
    /// The call that it is about was opened.
    [[nodiscard]] bool knows_call(const ApprovalQuestion& question) {
        return call_of(question) != nullptr;
    }
    /// Code::not_found when nothing waits under this id.
    [[nodiscard]] Result<Reply> answer(std::string_view id, bool approved, EventBatch& out);
    /// serverRequest/resolved: nobody needs to answer any more.
    void resolved(const Json& request, EventBatch& out);
    /// Declines everything that waits, without events.
    [[nodiscard]] std::vector<Reply> withdraw();
    /// Declines the questions whose call ended before they were answered: codex may still wait.
    [[nodiscard]] std::vector<Reply> take_ended() { return std::exchange(ended_, {}); }

private:
    struct Pending {
        std::string id{}, call{};
        ApprovalQuestion question{};
        Json request{};
        bool stands_in = false; ///< the call was made up for it
    };
    struct Call {
        std::string id, name;
        Json input{};
        bool asked = false; ///< a question without an item is about this one
    };
    [[nodiscard]] Call* call_of(const ApprovalQuestion& question);
    [[nodiscard]] bool is_asked(std::string_view call) const;
    void watch(const turn::Event& event, EventBatch& before);
    void show(Pending pending, EventBatch& out);
    void settle(const Pending& pending, bool approved, EventBatch& out);
    [[nodiscard]] turn::Note note_of(const Pending& pending) const;

    ApprovalPlace place_;
    std::map<std::string, Json, std::less<>> changes_{}; ///< of patches, by item
    std::vector<Pending> pending_{};
    /// Of calls that wait for a decision already. A client decides one at a time for a call.
    std::vector<Pending> behind_{};
    std::vector<Call> calls_{}; ///< without an end so far
    std::vector<Reply> ended_{};
};

} // namespace oa_stream::authority
