// A turn of a worker while it runs: bound to the worker's id, translated, queued. Shared by the
// core, which feeds it, and the handle a caller holds, which drains it.
#pragma once

#include "oa_stream/authority/worker.hpp"

#include "events/worker_event.hpp"
#include "events/worker_translator.hpp"
#include "turn_feed.hpp"

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

class WorkerTurn final : public TurnFeed {
public:
    /// What is known before turn/start is sent.
    struct Begin {
        std::string thread;
        std::string request; ///< the command's request_id
        std::string model{};
        std::string cwd{};
        std::optional<turn::Usage> baseline{};
        std::uint64_t after_seq = 0; ///< events up to there are not of this turn
    };
    WorkerTurn(const asio::any_io_executor& executor, const WorkerOptions& options, Begin begin);

    [[nodiscard]] const std::string& thread() const noexcept { return begin_.thread; }
    [[nodiscard]] const std::string& request() const noexcept { return begin_.request; }
    [[nodiscard]] const std::string& model() const noexcept { return begin_.model; }
    /// The id for clients: the receipt's, else the request's.
    [[nodiscard]] const std::string& id() const noexcept { return id_; }
    [[nodiscard]] std::uint64_t after_seq() const noexcept { return begin_.after_seq; }
    /// The worker's own; empty until an event carried it.
    [[nodiscard]] const std::string& worker_id() const noexcept { return bound_; }
    /// The first turn that began on its thread before the receipt came; empty: none did.
    [[nodiscard]] std::string early_turn() const;
    [[nodiscard]] bool accepted() const noexcept { return translator_ != nullptr; }
    /// The worker told its end: nothing of it runs any more.
    [[nodiscard]] bool finished() const noexcept { return translator_ && translator_->ended(); }

    /// The receipt came; `turn` may be empty. What arrived before is told now.
    void accept(const std::string& turn);
    /// Instead: it is a turn that runs already. `stored` is what the worker's history has of it:
    /// items that are whole, and calls that run. Of another item, what follows has only the rest,
    /// and its end all of it.
    void join(const Json& stored, std::string cwd);
    /// One notification of this thread.
    void deliver(const WorkerEvent& event, Clock::time_point now);
    /// Ends it by a failure of ours, once.
    void end(turn::FailureCode code, std::string detail);
    /// Ends it as interrupted: the worker did not, in time.
    void end_interrupted();
    /// Codex has come to its user message, or told of another item; or it is over, nobody holds it,
    /// or `deadline` passed.
    [[nodiscard]] static Task<void>
    wait_asked(std::shared_ptr<WorkerTurn> self, Clock::time_point deadline);
    /// turn/completed waits for late items until this passed.
    void tick(Clock::time_point now);

    [[nodiscard]] std::optional<turn::Usage> total() const;
    [[nodiscard]] std::uint64_t text_mismatches() const;
    [[nodiscard]] std::uint64_t unknown_events() const;

    bool interrupt_sent = false; ///< and answered, or given up
    std::uint64_t ran_at = 0; ///< the worker's number when it was last seen to run before
    /// When the turn ends because its worker stopped: one that is back does not go on with it.
    Clock::time_point ends_at = Clock::time_point::max();

private:
    void keep_early(const WorkerEvent& event);
    /// Whose it is will be known once the turn is bound.
    [[nodiscard]] bool held_back(const std::string& turn, const WorkerEvent& event);
    /// The event that bound the turn, and what came before it.
    void deliver_bound(const WorkerEvent& event, Clock::time_point now);
    void apply(const WorkerEvent& event, Clock::time_point now);
    void begin(const std::string& turn);
    void take_early();
    void spent_by_others(const WorkerEvent& event);
    [[nodiscard]] bool mine(const std::string& turn, const WorkerEvent& event);
    void translate(const WorkerEvent& event);
    void translate(std::string_view method, const Json& params);
    [[nodiscard]] bool is_torn(const WorkerEvent& event);

    Begin begin_;
    Millis late_items_;
    WorkerText text_;
    std::string id_{};
    std::string receipt_{}; ///< the turn id it named; the control service may have invented it
    std::string bound_{};
    std::unique_ptr<WorkerTranslator> translator_{}; ///< once the turn is accepted
    std::size_t early_bytes_ = 0;
    std::vector<WorkerEvent> early_{}; ///< came before the receipt
    bool asked_ = false; ///< an item of it was told
    bool content_ = false; ///< a part, tool or note was seen
    bool joined_ = false;
    std::set<std::string> begun_{}; ///< of a turn that was joined: items heard from their beginning
    std::size_t unbound_bytes_ = 0;
    std::vector<WorkerEvent> unbound_{}; ///< behind the receipt, before any turn/started
    std::optional<WorkerEvent> end_{}; ///< turn/completed that waits for late items
    Clock::time_point end_at_{};
};

} // namespace oa_stream::authority
