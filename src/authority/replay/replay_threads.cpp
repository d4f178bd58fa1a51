#include "replay_threads.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/ids.hpp"

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace oa_stream::authority {

namespace {

constexpr std::size_t k_most_turns = 1'000; ///< per thread; the oldest are dropped first

std::size_t bytes_of_seed(const PastTurn& turn) {
    std::size_t bytes = sizeof turn + turn.user_text.size() + bytes_of(turn.user_parts);
    for (const turn::Event& event : turn.events) {
        const auto* delta = std::get_if<turn::PartDelta>(&event);
        bytes += sizeof event + (delta == nullptr ? 0 : delta->text.size());
    }
    return bytes;
}

/// Pairs of question and answer; an answer without a question is a turn by itself.
std::vector<PastTurn> seed_turns(const std::vector<SeedMessage>& seed) {
    std::vector<PastTurn> out;
    bool asked = false;
    for (const SeedMessage& message : seed) {
        const bool user = message.role == SeedMessage::Role::user;
        if (user || !asked) {
            out.push_back(PastTurn{.id = uuid_v7(), .user_text = {}});
        }
        PastTurn& turn = out.back();
        if (user) {
            turn.user_parts = message.parts;
            if (message.parts.empty()) {
                turn.user_parts.emplace_back(InputText{message.text});
            }
            turn.user_text = text_in_input(turn.user_parts);
            turn.user_item_id = turn.id + "-user";
        } else {
            turn.events.emplace_back(turn::PartOpened{"m1", turn::PartKind::text});
            turn.events.emplace_back(turn::PartDelta{"m1", message.text});
            turn.events.emplace_back(turn::PartClosed{"m1"});
        }
        asked = user;
    }
    return out;
}

PastTurn past_turn_of(const ReplayedTurn& turn) {
    PastTurn past{.id = turn.id, .outcome = turn.outcome, .user_text = text_in_input(turn.input)};
    past.running = turn.running;
    past.started_at = turn.started_at;
    past.user_parts = turn.input;
    past.user_item_id = turn.id + "-user";
    if (!turn.client_message_id.empty()) {
        past.client_message_id = turn.client_message_id;
    }
    if (turn.outcome == turn::Outcome::interrupted) {
        past.failure = turn.failure;
    }
    if (!turn.running) {
        past.completed_at = turn.completed_at;
        past.events = kept_events(*turn.recording, turn.played);
    }
    return past;
}

} // namespace

std::size_t bytes_of(const std::vector<InputPart>& parts) {
    std::size_t bytes = 0;
    for (const InputPart& part : parts) {
        const auto* text = std::get_if<InputText>(&part);
        bytes += text != nullptr ? text->text.size() : std::get<InputImage>(part).url.size();
    }
    return bytes;
}

ReplayThreads::Thread& ReplayThreads::touch(const std::string& thread) {
    if (const auto found = by_id_.find(thread); found != by_id_.end()) {
        order_.splice(order_.begin(), order_, found->second);
        return order_.front();
    }
    order_.push_front(Thread{.id = thread, .created_at = unix_now()});
    by_id_[thread] = order_.begin();
    if (order_.size() > most_) {
        forget(std::prev(order_.end()));
    }
    return order_.front();
}

void ReplayThreads::forget(Place place) {
    bytes_ -= place->bytes;
    by_id_.erase(place->id);
    order_.erase(place);
}

void ReplayThreads::weigh(Thread& thread) {
    std::size_t bytes = 0;
    for (const PastTurn& turn : thread.seed) {
        bytes += bytes_of_seed(turn);
    }
    for (const auto& turn : thread.turns) {
        bytes += turn->bytes;
    }
    bytes_ = bytes_ - thread.bytes + bytes;
    thread.bytes = bytes;
}

void ReplayThreads::make_room() {
    while (bytes_ > most_bytes_ && order_.size() > 1) {
        forget(std::prev(order_.end()));
    }
    Thread& newest = order_.front();
    while (bytes_ > most_bytes_ && newest.turns.size() > 1) {
        newest.turns.erase(newest.turns.begin());
        weigh(newest);
    }
}

Result<ReplayThreads::Place> ReplayThreads::known(const std::string& thread) const {
    const auto found = by_id_.find(thread);
    return found == by_id_.end() ? fail(Code::not_found, "no such thread")
                                 : Result<Place>(found->second);
}

Result<ReplayThreads::Place> ReplayThreads::at_rest(const std::string& thread) const {
    OA_TRY(const auto found, known(thread));
    return busy(thread) ? fail(Code::conflict, "a turn is running on this thread")
                        : Result<Place>(found);
}

std::string ReplayThreads::add(const std::vector<SeedMessage>& seed) {
    Thread& thread = touch(uuid_v7());
    thread.seed = seed_turns(seed);
    weigh(thread);
    make_room();
    return thread.id;
}

Result<void> ReplayThreads::name(const std::string& thread, std::string title) {
    OA_TRY(const auto found, known(thread));
    found->name = std::move(title);
    return {};
}

Result<void> ReplayThreads::erase(const std::string& thread) {
    OA_TRY(const auto found, at_rest(thread));
    forget(found);
    return {};
}

Result<std::string> ReplayThreads::fork(const std::string& thread, std::string_view last_turn) {
    OA_TRY(const auto found, at_rest(thread));
    Thread copy = *found; // its turns have ended, so they may be shared
    if (!last_turn.empty()) {
        OA_CHECK(cut(copy, last_turn, true));
    }
    Thread& made = touch(uuid_v7());
    made.seed = std::move(copy.seed);
    made.turns = std::move(copy.turns);
    weigh(made);
    make_room();
    return made.id;
}

void ReplayThreads::ensure(const std::string& thread) {
    touch(thread);
}

Result<void> ReplayThreads::revert(const std::string& thread, std::string_view turn) {
    OA_TRY(const auto found, known(thread));
    OA_CHECK(cut(*found, turn, false));
    weigh(*found);
    return {};
}

Result<void> ReplayThreads::cut(Thread& thread, std::string_view from, bool behind) {
    auto seeded = std::ranges::find(thread.seed, from, &PastTurn::id);
    auto played =
        std::ranges::find_if(thread.turns, [&](const auto& one) { return one->id == from; });
    if (seeded == thread.seed.end() && played == thread.turns.end()) {
        return fail(Code::precondition, "no such turn in this thread");
    }
    if (seeded != thread.seed.end()) {
        thread.seed.erase(seeded + (behind ? 1 : 0), thread.seed.end());
        thread.turns.clear();
    } else {
        thread.turns.erase(played + (behind ? 1 : 0), thread.turns.end());
    }
    return {};
}

bool ReplayThreads::busy(const std::string& thread) const {
    const auto found = by_id_.find(thread);
    if (found == by_id_.end() || found->second->turns.empty()) {
        return false;
    }
    const ReplayedTurn& last = *found->second->turns.back();
    return last.running && !last.stopping;
}

void ReplayThreads::append(const std::string& thread, std::shared_ptr<ReplayedTurn> turn) {
    Thread& used = touch(thread);
    if (used.turns.size() >= k_most_turns) {
        used.turns.erase(used.turns.begin());
    }
    used.turns.push_back(std::move(turn));
    weigh(used);
    make_room();
}

std::optional<ThreadInfo> ReplayThreads::info(const std::string& thread) const {
    const auto found = by_id_.find(thread);
    if (found == by_id_.end()) {
        return std::nullopt;
    }
    const Thread& known = *found->second;
    ThreadInfo info{.id = known.id, .title = known.name, .created_at = known.created_at};
    info.updated_at = known.created_at;
    info.named = !known.name.empty();
    if (info.title.empty() && !known.seed.empty()) {
        info.title = known.seed.front().user_text;
    }
    if (info.title.empty() && !known.turns.empty()) {
        info.title = text_in_input(known.turns.front()->input);
    }
    if (!known.turns.empty()) {
        const ReplayedTurn& last = *known.turns.back();
        info.updated_at = std::max(last.started_at, last.completed_at);
        info.model = last.recording->model;
    }
    return info;
}

Result<std::vector<PastTurn>> ReplayThreads::turns(const std::string& thread) const {
    OA_TRY(const auto found, known(thread));
    std::vector<PastTurn> out = found->seed;
    for (const auto& turn : found->turns) {
        out.push_back(past_turn_of(*turn));
    }
    return out;
}

} // namespace oa_stream::authority
