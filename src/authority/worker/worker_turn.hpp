// A worker's turn while it runs: bound to the worker's id, translated, queued. Shared by the core,
// which delivers events, and the caller's handle, which reads them.
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
    /// The facts known before turn/start is sent.
    struct Begin {
        std::string thread;
        std::string request; ///< the command's request_id
        std::string model{};
        std::string cwd{};
        std::optional<turn::Usage> baseline{};
        std::uint64_t after_seq = 0; ///< events up to this seq are not this turn's
    };
    WorkerTurn(const asio::any_io_executor& executor, const WorkerOptions& options, Begin begin);

    [[nodiscard]] const std::string& thread() const noexcept { return begin_.thread; }
    [[nodiscard]] const std::string& request() const noexcept { return begin_.request; }
    [[nodiscard]] const std::string& model() const noexcept { return begin_.model; }
    /// The id for clients: the receipt's, else the request's.
    [[nodiscard]] const std::string& id() const noexcept { return id_; }
    [[nodiscard]] std::uint64_t after_seq() const noexcept { return begin_.after_seq; }
    /// The worker's own id; empty until an event carried it.
    [[nodiscard]] const std::string& worker_id() const noexcept { return bound_; }
    /// The first turn that started on the thread before the receipt; empty: none.
    [[nodiscard]] std::string early_turn() const;
    [[nodiscard]] bool accepted() const noexcept { return translator_ != nullptr; }
    /// The worker reported its end.
    [[nodiscard]] bool finished() const noexcept { return translator_ && translator_->ended(); }

    /// The receipt arrived; `turn` may be empty. Processes the events that arrived before.
    void accept(const std::string& turn);
    /// Replaces accept() for a turn that already runs. `stored`: its state in the worker's history,
    /// with complete items and running calls. For other open items, later deltas have only the
    /// rest, but the end has the whole text.
    void join(const Json& stored, std::string cwd);
    /// One notification of this thread.
    void deliver(const WorkerEvent& event, Clock::time_point now);
    /// Ends it once, with a failure of the lane.
    void end(turn::FailureCode code, std::string detail);
    /// Ends it as interrupted, because the worker did not do so in time.
    void end_interrupted();
    /// Returns when Codex has reached the user message or another item, when the turn is over or
    /// abandoned, or at `deadline`.
    [[nodiscard]] static Task<void>
    wait_asked(std::shared_ptr<WorkerTurn> self, Clock::time_point deadline);
    /// turn/completed waits for late items until the deadline has passed.
    void tick(Clock::time_point now);

    [[nodiscard]] std::optional<turn::Usage> total() const;
    [[nodiscard]] std::uint64_t text_mismatches() const;
    [[nodiscard]] std::uint64_t unknown_events() const;

    bool interrupt_sent = false; ///< answered or abandoned
    std::uint64_t ran_at = 0; ///< the worker's seq when the turn was last seen running
    /// When the turn ends because its worker stopped: a restarted worker does not continue it.
    Clock::time_point ends_at = Clock::time_point::max();

private:
    void keep_early(const WorkerEvent& event);
    /// Buffers an event until the turn is bound and its owner is known.
    [[nodiscard]] bool held_back(const std::string& turn, const WorkerEvent& event);
    /// Delivers the event that bound the turn, and the buffered ones before it.
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
    std::string receipt_{}; ///< the receipt's turn id, possibly invented by the control service
    std::string bound_{};
    std::unique_ptr<WorkerTranslator> translator_{}; ///< set once the turn is accepted
    std::size_t early_bytes_ = 0;
    std::vector<WorkerEvent> early_{}; ///< arrived before the receipt
    bool asked_ = false; ///< an item of it was reported
    bool content_ = false; ///< a part, tool or note was seen
    bool joined_ = false;
    std::set<std::string> begun_{}; ///< of a joined turn: items whose start was seen
    std::size_t unbound_bytes_ = 0;
    std::vector<WorkerEvent> unbound_{}; ///< after the receipt, before any turn/started
    std::optional<WorkerEvent> end_{}; ///< turn/completed that waits for late items
    Clock::time_point end_at_{};
};

} // namespace oa_stream::authority
