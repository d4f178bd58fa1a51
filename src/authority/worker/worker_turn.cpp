#include "worker_turn.hpp"

#include "oa_stream/base/json_members.hpp"

#include "events/contract_dialect.hpp"

#include <algorithm>
#include <utility>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_early = 10'000;
constexpr std::size_t k_early_bytes = std::size_t{32} << 20U;
// Limits of one topic's queue: worker-khala.md §8.2.
constexpr std::size_t k_unbound = 2'000;
constexpr std::size_t k_unbound_bytes = std::size_t{8} << 20U;

} // namespace

WorkerTurn::WorkerTurn(
    const asio::any_io_executor& executor, const WorkerOptions& options, Begin begin
)
    : TurnFeed(executor, options.queue_bytes), begin_(std::move(begin)),
      late_items_(options.deadlines.late_items), text_(options.text) {
}

void WorkerTurn::begin(const std::string& turn) {
    receipt_ = turn;
    id_ = turn.empty() ? begin_.request : turn;
    translator_ = std::make_unique<WorkerTranslator>(WorkerTranslator::Settings{
        .thread = begin_.thread,
        .turn = id_,
        .model = begin_.model,
        .cwd = begin_.cwd,
        .baseline = begin_.baseline,
        .text = text_
    });
}

void WorkerTurn::accept(const std::string& turn) {
    begin(turn);
    take_early();
}

void WorkerTurn::join(const Json& stored, std::string cwd) {
    begin_.cwd = std::move(cwd);
    joined_ = asked_ = true;
    bound_ = text_in(stored, "id");
    begin(bound_);
    translate("turn/started", Json::object());
    for (const Json& item : list_in(stored, "items")) {
        const bool runs = text_view_in(item, "status") == "inProgress";
        if (runs) {
            begun_.insert(text_in(item, "id"));
        }
        translate(runs ? "item/started" : "item/completed", Json::object({{"item", item}}));
    }
    take_early();
}

Task<void> WorkerTurn::wait_asked(std::shared_ptr<WorkerTurn> self, Clock::time_point deadline) {
    const auto due = [&] { return !self->asked_ && !self->over() && !self->abandoned; };
    while (due() && Clock::now() < deadline) {
        co_await self->changed_.wait_until(deadline);
    }
}

void WorkerTurn::take_early() {
    for (const WorkerEvent& event : std::exchange(early_, {})) {
        deliver(event, Clock::now());
    }
}

/// The control service may have invented the receipt's turn id. Until an event has carried it, the
/// first turn/started of the thread after the request belongs to this turn.
bool WorkerTurn::mine(const std::string& turn, const WorkerEvent& event) {
    if (turn.empty()) {
        return false;
    }
    const bool first = bound_.empty() && (turn == receipt_ || event.method == "turn/started");
    const bool guessed_wrong = turn == receipt_ && bound_ != receipt_ && !content_;
    if (first || guessed_wrong) {
        bound_ = turn;
    }
    return turn == bound_;
}

void WorkerTurn::deliver(const WorkerEvent& event, Clock::time_point now) {
    if (over() || event.method.empty() || (event.seq != 0 && event.seq <= begin_.after_seq)) {
        return;
    }
    if (!translator_) {
        keep_early(event);
        return;
    }
    const auto turn = ids_of(*event.params()).turn;
    if (held_back(turn, event)) {
        return;
    }
    const bool binds = bound_.empty();
    if (!mine(turn, event)) {
        spent_by_others(event);
    } else if (binds) {
        deliver_bound(event, now);
    } else {
        apply(event, now);
    }
}

/// The worker may run the turn before its receipt arrives. When events had to be dropped, the
/// answer must not look complete.
void WorkerTurn::keep_early(const WorkerEvent& event) {
    if (early_.size() == k_early || early_bytes_ + event.bytes > k_early_bytes) {
        std::erase_if(early_, [](const WorkerEvent& one) { return one.method != "turn/started"; });
        end(turn::FailureCode::stale_cursor, "too much came before the receipt");
        return;
    }
    early_bytes_ += event.bytes;
    early_.push_back(event);
}

bool WorkerTurn::held_back(const std::string& turn, const WorkerEvent& event) {
    const bool unknown =
        bound_.empty() && !turn.empty() && turn != receipt_ && event.method != "turn/started";
    if (unknown &&
        (unbound_.size() == k_unbound || unbound_bytes_ + event.bytes > k_unbound_bytes)) {
        end(turn::FailureCode::stale_cursor, "too much came before turn/started");
    } else if (unknown) {
        unbound_bytes_ += event.bytes;
        unbound_.push_back(event);
    }
    return unknown;
}

/// The worker posts notifications concurrently: text, usage and even the end may arrive before
/// turn/started.
void WorkerTurn::deliver_bound(const WorkerEvent& event, Clock::time_point now) {
    const auto before = std::exchange(unbound_, {});
    const auto ours = [this](const WorkerEvent& one) {
        return ids_of(*one.params()).turn == bound_;
    };
    for (const WorkerEvent& one : before) {
        if (!ours(one)) {
            spent_by_others(one);
        }
    }
    apply(event, now);
    for (const WorkerEvent& one : before) {
        if (ours(one) && !over()) {
            apply(one, now);
        }
    }
}

void WorkerTurn::spent_by_others(const WorkerEvent& event) {
    if (event.method == WorkerTranslator::k_usage) {
        translator_->spent_by_others(*event.params());
    }
}

/// A delta of an item whose start was missed.
bool WorkerTurn::is_torn(const WorkerEvent& event) {
    if (!joined_ || !event.method.starts_with("item/") || event.method == "item/completed") {
        return false;
    }
    auto item = ids_of(*event.params()).item;
    if (event.method == "item/started") {
        begun_.insert(std::move(item));
        return false;
    }
    return !begun_.contains(item);
}

void WorkerTurn::apply(const WorkerEvent& event, Clock::time_point now) {
    if (!asked_ && event.method.starts_with("item/")) {
        asked_ = true;
        changed_.notify();
    }
    if (is_torn(event)) {
        return;
    }
    if (!end_ && WorkerTranslator::completes(event.method, *event.params()) &&
        translator_->items_open()) {
        end_ = event;
        end_at_ = now + late_items_;
        return;
    }
    translate(event);
    if (end_ && !translator_->items_open()) {
        tick(end_at_);
    }
}

std::string WorkerTurn::early_turn() const {
    const auto found = std::ranges::find(early_, "turn/started", &WorkerEvent::method);
    return found == early_.end() ? std::string() : ids_of(*found->params()).turn;
}

void WorkerTurn::tick(Clock::time_point now) {
    if (end_ && now >= end_at_ && !over()) {
        const WorkerEvent event = *std::move(end_);
        end_.reset();
        translate(event);
    }
}

void WorkerTurn::translate(const WorkerEvent& event) {
    translate(event.method, *event.params());
}

void WorkerTurn::translate(std::string_view method, const Json& params) {
    EventBatch events;
    translator_->push(method, params, events);
    for (const turn::Event& event : events) {
        content_ = content_ || !std::holds_alternative<turn::TurnStarted>(event);
    }
    ended_ = translator_->ended();
    if (!events.empty()) {
        queue(std::move(events));
    }
}

void WorkerTurn::end(turn::FailureCode code, std::string detail) {
    if (over()) {
        return;
    }
    ended_ = true;
    EventBatch events;
    if (translator_) {
        translator_->flush(events);
    }
    events.emplace_back(turn::TurnEnded{
        turn::outcome_of(code), turn::Finish::error, turn::failure_of(code, std::move(detail)), {}
    });
    queue(std::move(events));
}

void WorkerTurn::end_interrupted() {
    if (!over()) {
        ended_ = true;
        EventBatch events;
        events.emplace_back(
            turn::TurnEnded{turn::Outcome::interrupted, turn::Finish::other, std::nullopt, {}}
        );
        queue(std::move(events));
    }
}

std::optional<turn::Usage> WorkerTurn::total() const {
    return translator_ ? translator_->total() : std::nullopt;
}

std::uint64_t WorkerTurn::text_mismatches() const {
    return translator_ ? translator_->text_mismatches() : 0;
}

std::uint64_t WorkerTurn::unknown_events() const {
    return translator_ ? translator_->unknown() : 0;
}

} // namespace oa_stream::authority
