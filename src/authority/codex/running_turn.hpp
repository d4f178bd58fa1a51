// A codex turn while it runs: bound to its id, translated, queued. Shared by the core, which
// delivers notifications, and the caller's handle, which reads events.
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
    /// `baseline`: the thread's usage before the turn; unset when unknown (resumed, reverted).
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
    /// Whether a new approval would wait for the client: it accepts approvals, and the turn is
    /// neither being stopped nor abandoned.
    [[nodiscard]] bool asks() const noexcept {
        return ask_approvals && !over() && !interrupting && !abandoned;
    }
    [[nodiscard]] const std::optional<turn::Usage>& total_usage() const noexcept { return total_; }
    [[nodiscard]] std::uint64_t text_mismatches() const noexcept {
        return translator_.text_mismatches();
    }

    /// From now on records every notification of the turn.
    void record(std::unique_ptr<CaptureRecorder> recorder) { recorder_ = std::move(recorder); }
    /// `id` is from the response of turn/start. Translates the notifications that arrived before.
    void bind(std::string id);
    /// One notification of this thread.
    void deliver(std::string_view method, const Json& message);
    /// A question for the client, until answer_approval() or approval_resolved() settles it.
    void ask(ApprovalQuestion question, const Json& request);
    /// Codex's history lists no call that waits for a decision. For a turn that was joined, this
    /// opens the call.
    void open_asked(const ApprovalQuestion& question);
    /// Shows the questions that arrived before the turn's id was known, up to `behind`
    /// notifications.
    void ask_early(std::size_t behind = SIZE_MAX);
    /// Likewise for calls.
    void call_early();
    [[nodiscard]] Result<CodexApprovals::Reply> answer_approval(std::string_view id, bool approved);
    void approval_resolved(const Json& request);
    [[nodiscard]] std::vector<CodexApprovals::Reply> withdraw_approvals();
    /// Excludes those of an earlier connection: its request ids mean something else on this one.
    [[nodiscard]] std::vector<CodexApprovals::Reply> take_ended_approvals();
    /// The thread has client functions. When only their results are missing, the turn ends, or with
    /// `waits` waits for answer_call().
    void take_client_calls(bool waits, std::vector<std::string> functions = {}) {
        calls_.enable(waits, std::move(functions));
    }
    [[nodiscard]] bool has_client_calls() const noexcept { return calls_.enabled(); }
    [[nodiscard]] bool takes_client_calls() const noexcept {
        return calls_.enabled() && !over() && !interrupting && !abandoned;
    }
    /// `item/tool/call`: the client has to run it.
    void client_call(const Json& params, const Json& request);
    [[nodiscard]] Result<ClientCalls::Reply> answer_call(const CallResult& result);
    /// True once codex has been silent for `patience` after a call without reporting the end of the
    /// response: call end_response(). False when codex reported it, or the turn accepts no calls.
    [[nodiscard]] static Task<bool> wait_silent(std::shared_ptr<RunningTurn> self, Millis patience);
    [[nodiscard]] bool end_missing() const noexcept {
        return takes_client_calls() && calls_.end_missing();
    }
    [[nodiscard]] std::vector<ClientCalls::Reply> end_response();
    /// Our reply to this request, in case codex repeats it because the reply was lost; else null.
    [[nodiscard]] const Json* answered(const Json& request) const { return kept_.find(request); }
    /// The turn ended at the client's calls; codex's own turn must be stopped.
    [[nodiscard]] bool handed_over() const noexcept { return handed_over_; }
    /// Queues an event that does not come from codex.
    void emit(turn::Event event);
    /// The connection is lost: notifications of the next one wait until catch_up().
    void adrift();
    /// Unset while connected.
    [[nodiscard]] const std::optional<Clock::time_point>& adrift_since() const noexcept {
        return adrift_since_;
    }
    /// Continues from `stored`, the turn in codex's history (complete items and its status), with
    /// the notifications since thread/resume. Drops deltas of items whose start was missed; the
    /// completed item has the whole text. Fails the turn if a text does not continue the text
    /// already sent. `running`: a turn is running on the thread.
    void catch_up(const Json& stored, bool running);
    /// Replaces bind() for a turn that already runs; delivers it from its beginning.
    void join(const Json& stored, std::string model);
    /// The id is not known yet, and a notification of `method` is buffered.
    [[nodiscard]] bool heard_early(std::string_view method) const;

    /// Returns when turn/started was seen, the turn is over, or `deadline` passed.
    [[nodiscard]] static Task<void>
    wait_started(std::shared_ptr<RunningTurn> self, Clock::time_point deadline);

    /// Returns when codex has stored the turn's user message, the turn is over or abandoned, or
    /// `deadline` passed.
    [[nodiscard]] static Task<void>
    wait_asked(std::shared_ptr<RunningTurn> self, Clock::time_point deadline);

    /// Since when the thread is idle without turn/completed.
    [[nodiscard]] const std::optional<Clock::time_point>& idle_since() const noexcept {
        return idle_since_;
    }

    bool same_clock = true; ///< codex reports times in our time zone
    std::optional<std::int64_t> limit_ends{}; ///< end of the account's limit, Unix seconds
    /// Id and client id of the turn's first user message, as codex reports them. A different one
    /// comes from another client, or is a duplicate of the same message.
    std::optional<std::pair<std::string, std::string>> asked_as{};
    bool foreign_input = false; ///< such a message arrived
    bool withheld = false; ///< ended without text that codex stores
    /// failure sent to the client, whatever the turn's real end is
    std::optional<turn::FailureCode> reported_failure{};
    bool unasked = false; ///< its user message is not in codex's history yet
    bool ask_approvals = false; ///< the client accepts approvals
    bool unread_results = false; ///< its thread is new and has results that the model must read
    bool stop_wanted = false; ///< stop it, if necessary once there is a connection
    bool left = false; ///< continues without a handle
    bool awaited = false; ///< a coroutine waits for the end of its response
    bool alone = false; ///< this start created the thread: no other client knows its id yet
    std::optional<Clock::time_point> watched{}; ///< the idle_since() that a reconcile() handles

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
    [[nodiscard]] bool loses_results(std::string_view method, const Json& message);
    void apply(std::string_view method, const Json& message); ///< running_turn_rejoin.cpp
    void say(std::string_view method, const Json& message);
    [[nodiscard]] bool is_torn(std::string_view method, const Json& message);
    void replay_items(const Json& stored);

    std::unique_ptr<CaptureRecorder> recorder_{};
    std::string thread_, id_{}, model_;
    CodexTranslator translator_;
    EventBatch translated_{}; ///< the events of one notification; reuses its memory
    bool baseline_known_;
    std::vector<Json> early_{}; ///< notifications that came before the id was known
    struct EarlyQuestion {
        ApprovalQuestion question;
        Json request;
        std::size_t behind; ///< number of early_ notifications before it
    };
    std::vector<EarlyQuestion> early_questions_{}; ///< likewise
    std::vector<std::pair<Json, Json>> early_calls_{}; ///< likewise
    std::optional<Clock::time_point> adrift_since_{};
    bool torn_ = false; ///< a connection was lost during the turn, or it was joined late
    std::set<std::string, std::less<>> whole_{}; ///< items whose start was seen since then
    std::set<std::string, std::less<>> replayed_{}; ///< complete items just replayed from history
    std::optional<turn::Usage> total_{};
    std::optional<Clock::time_point> idle_since_{};
    bool reported_ = false; ///< codex reported usage
    bool started_ = false;
    Clock::time_point last_event_ = Clock::now();
    std::string cwd_;
    CodexApprovals approvals_;
    ClientCalls calls_{};
    KeptReplies kept_{};
    bool handed_over_ = false;
    bool answered_itself_ = false; ///< calls were answered here, in place of the client
    std::optional<turn::Usage> spent_{}; ///< last usage sent
    turn::Usage baseline_;
};

} // namespace oa_stream::authority
