// A turn of codex while it runs: bound to its id, translated, queued. Shared by the core, which
// feeds it, and the handle a caller holds, which drains it.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include "capture_recorder.hpp"
#include "client_calls.hpp"
#include "codex/events/codex_events.hpp"
#include "codex_approvals.hpp"
#include "kept_replies.hpp"
#include "turn_feed.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::authority {

class RunningTurn final : public TurnFeed {
public:
    /// `baseline`: the thread's usage so far; unset when unknown (resumed, reverted).
    RunningTurn(
        const asio::any_io_executor& executor,
        const CodexOptions& options,
        std::string thread,
        std::string model,
        ApprovalPlace place,
        std::optional<turn::Usage> baseline
    );

    [[nodiscard]] const std::string& thread() const noexcept { return thread_; }
    [[nodiscard]] const std::string& id() const noexcept { return id_; } ///< empty until bound
    [[nodiscard]] const std::string& model() const noexcept { return model_; }
    [[nodiscard]] bool started() const noexcept { return started_; }
    /// Whether a new approval would be waited for: its client takes them, and it is not being left.
    [[nodiscard]] bool asks() const noexcept {
        return ask_approvals && !over() && !interrupting && !abandoned;
    }
    [[nodiscard]] const std::optional<turn::Usage>& total_usage() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t text_mismatches() const noexcept {
        return translator_.text_mismatches();
    }

    /// From now on every notification of the turn is written down.
    void record(std::unique_ptr<CaptureRecorder> recorder) { recorder_ = std::move(recorder); }
    /// The response of turn/start named it. What arrived before is translated now.
    void bind(std::string id);
    /// One notification of this thread.
    void deliver(std::string_view method, const Json& message);
    /// A question for the client; answer_approval() or approval_resolved() settles it.
    void ask(ApprovalQuestion question, const Json& request);
    /// Codex' history lists no call that waits for a decision: whoever joins learns of it here.
    void open_asked(const ApprovalQuestion& question);
    /// Questions that came before the turn was known, up to `behind` so many notifications.
    void ask_early(std::size_t behind = SIZE_MAX);
    /// Calls that came before it.
    void call_early();
    [[nodiscard]] Result<CodexApprovals::Reply> answer_approval(std::string_view id, bool approved);
    void approval_resolved(const Json& request);
    [[nodiscard]] std::vector<CodexApprovals::Reply> withdraw_approvals();
    /// None that another connection was asked: its numbers mean something else on this one.
    [[nodiscard]] std::vector<CodexApprovals::Reply> take_ended_approvals();
    /// The thread has functions of the client's: where only their results are missing the turn
    /// ends, or `waits` for answer_call().
    void take_client_calls(bool waits, std::vector<std::string> functions = {}) {
        calls_.enable(waits, std::move(functions));
    }
    [[nodiscard]] bool has_client_calls() const noexcept { return calls_.enabled(); }
    [[nodiscard]] bool takes_client_calls() const noexcept {
        return calls_.enabled() && !over() && !interrupting && !abandoned;
    }
    /// `item/tool/call`: the client is to run it.
    void client_call(const Json& params, const Json& request);
    [[nodiscard]] Result<ClientCalls::Reply> answer_call(const CallResult& result);
    /// True once codex has been silent for `patience` behind a call and has not told how its
    /// response ended: end_response() is due. False when it told, or the turn takes no calls.
    [[nodiscard]] static Task<bool> wait_silent(std::shared_ptr<RunningTurn> self, Millis patience);
    [[nodiscard]] bool end_missing() const noexcept {
        return takes_client_calls() && calls_.end_missing();
    }
    [[nodiscard]] std::vector<ClientCalls::Reply> end_response();
    /// What this request was answered, should codex ask again as it never came to know; else null.
    [[nodiscard]] const Json* answered(const Json& request) const { return kept_.find(request); }
    /// The turn ended at the client's calls, whatever codex' own does: that is to be stopped.
    [[nodiscard]] bool handed_over() const noexcept { return handed_over_; }
    /// An event that codex did not tell.
    void emit(turn::Event event);
    /// The connection is lost: what the next one brings waits until catch_up().
    void adrift();
    /// Unset while there is a connection.
    [[nodiscard]] const std::optional<Clock::time_point>& adrift_since() const noexcept {
        return adrift_since_;
    }
    /// Goes on from `stored`, the turn as history has it (items that are whole, and its status),
    /// with what came since the thread was resumed. Pieces of an item whose beginning was missed
    /// are dropped; the item's end has all of it. A text that does not go on from what was said
    /// fails the turn. `running`: the thread has a turn under way.
    void catch_up(const Json& stored, bool running);
    /// Instead of bind(): a turn that runs already, told from its beginning.
    void join(const Json& stored, std::string model);
    /// Before the id is known: it waits to be told.
    [[nodiscard]] bool heard_early(std::string_view method) const;

    /// turn/started was seen, or the turn is over; or `deadline` passed.
    [[nodiscard]] static Task<void>
    wait_started(std::shared_ptr<RunningTurn> self, Clock::time_point deadline);

    /// Codex has the turn's user message, or it is over or given up; or `deadline` passed.
    [[nodiscard]] static Task<void>
    wait_asked(std::shared_ptr<RunningTurn> self, Clock::time_point deadline);

    /// Since when the thread reads as idle though turn/completed is missing.
    [[nodiscard]] const std::optional<Clock::time_point>& idle_since() const noexcept {
        return idle_since_;
    }

    bool same_clock = true; ///< codex tells its times in our zone
    std::optional<std::int64_t> limit_ends{}; ///< of a used up account, Unix seconds
    /// The id and the mark of its first user message, as codex tells it; any further one is
    /// somebody else's, or the same that was sent twice.
    std::optional<std::pair<std::string, std::string>> asked_as{};
    bool foreign_input = false; ///< … which came
    bool withheld = false; ///< it ended without words, which codex does not store
    std::optional<turn::FailureCode> reported_failure{}; ///< its client was, whatever the end is
    bool unasked = false; ///< its user message is not in codex' history yet
    bool ask_approvals = false; ///< the client takes them
    bool seeded_results = false; ///< its thread is new and was given results of calls
    bool stop_wanted = false; ///< … or must be, once there is a connection
    bool left = false; ///< it runs on when nobody holds the handle
    bool awaited = false; ///< somebody waits for the end of its response
    bool alone = false; ///< its start made the thread: until it is answered nobody else knows it
    std::optional<Clock::time_point> watched{}; ///< the idle_since() somebody looks after

private:
    void translate(std::string_view method, const Json& message);
    void watch_item(std::string_view method, const Json& message);
    void on_status(const Json& message);
    void learn_baseline(const Json& message);
    void queue(EventBatch&& events);
    void check_question(const Json& item);
    void say_when_again(turn::TurnEnded& ended) const;
    void watch_calls(std::string_view method, const Json& message, EventBatch& events);
    void spent_so_far(EventBatch& events);
    void tell_calls();
    void hand_over();
    void give_up(const Json& error);
    [[nodiscard]] bool loses_results(std::string_view method, const Json& message) const;
    void apply(std::string_view method, const Json& message); ///< running_turn_rejoin.cpp
    void say(std::string_view method, const Json& message);
    [[nodiscard]] bool is_torn(std::string_view method, const Json& message);
    void replay_items(const Json& stored);

    std::unique_ptr<CaptureRecorder> recorder_{};
    std::string thread_, id_{}, model_;
    CodexTranslator translator_;
    EventBatch translated_{}; ///< what one notification tells; its memory serves the next
    bool baseline_known_;
    std::vector<Json> early_{}; ///< notifications that came before the id was known
    struct EarlyQuestion {
        ApprovalQuestion question;
        Json request;
        std::size_t behind; ///< so many of early_
    };
    std::vector<EarlyQuestion> early_questions_{}; ///< likewise
    std::vector<std::pair<Json, Json>> early_calls_{}; ///< likewise
    std::optional<Clock::time_point> adrift_since_{};
    bool torn_ = false; ///< a connection was lost on the way, or it was joined late
    std::set<std::string, std::less<>> whole_{}; ///< items that were seen to begin since then
    std::set<std::string, std::less<>> replayed_{}; ///< whole ones that history has just told
    std::optional<turn::Usage> total_{};
    std::optional<Clock::time_point> idle_since_{};
    bool reported_ = false; ///< usage, by codex
    bool started_ = false;
    Clock::time_point last_event_ = Clock::now();
    std::string cwd_;
    CodexApprovals approvals_;
    ClientCalls calls_{};
    KeptReplies kept_{};
    bool handed_over_ = false;
    bool answered_itself_ = false; ///< calls, in place of the client
    std::optional<turn::Usage> spent_{}; ///< as last told
    turn::Usage baseline_;
};

} // namespace oa_stream::authority
