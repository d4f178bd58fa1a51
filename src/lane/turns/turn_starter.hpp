// Turns an accepted chat request into a live turn: makes or finds the thread, replaces turns in it,
// and recognises a request that was sent before.
#pragma once

#include "answers.hpp"
#include "history/seed.hpp"
#include "live_turns.hpp"
#include "shared/shared_lane.hpp"
#include "store/idempotency.hpp"

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace oa_stream::lane {

class TurnStarter {
public:
    TurnStarter(LaneState& lane, Answers& answers) : lane_(&lane), answers_(&answers) {}

    struct Begun {
        std::shared_ptr<LiveTurn> turn;
        bool first = true; ///< false: an earlier request under the same key started it
    };
    [[nodiscard]] Task<Accepted<Begun>> begin(CallPtr call);

    /// The live turn of Call::record's thread; null when there is none. A turn that runs although
    /// no lane holds it (it was left, or its lane died) is taken over first. `most`: as in
    /// await_start(), for turns on this lane and on others.
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>>
    find(CallPtr call, FoundFor purpose = FoundFor::reading, std::optional<Millis> most = {});
    /// Waits while a turn of that thread is being started here, at most LaneTimings::start_wait, or
    /// `most` if given.
    [[nodiscard]] Task<Accepted<void>> await_start(CallPtr call, std::optional<Millis> most = {});
    /// Waits while another lane starts the first turn of a conversation that is unknown here. True:
    /// it is known now. `most`: as for await_start().
    [[nodiscard]] Task<bool>
    await_first_turn(CallPtr call, std::string thread, std::optional<Millis> most = {});
    /// For a request with results or decisions: its turn continues with the settings that it began
    /// with. Reports the members of the request that differ as ignored, or refuses the request.
    [[nodiscard]] Task<Accepted<void>> name_settled(CallPtr call, std::shared_ptr<LiveTurn> turn);
    /// Whether the turn would send its approvals to this client.
    [[nodiscard]] bool asks(const Call& call) const { return asks_approvals(call); }

private:
    /// Of a thread: other messages that came since a lane died over one, or since one was refused.
    static constexpr std::size_t k_looked_through = 100;

    // turn_finder.cpp
    /// find() without its second try; 409 turn_in_progress while another request takes the turn
    /// over.
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>>
    find_or_join(CallPtr call, FoundFor purpose, std::optional<Millis> most);
    /// Null: the authority runs no turn there.
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> join(CallPtr call, ThreadPlace place);
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> earlier_turn(CallPtr call);
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> earlier_turn_anywhere(CallPtr call);
    [[nodiscard]] Task<Accepted<std::optional<authority::PastTurn>>>
    orphaned_turn(CallPtr call, std::string thread);
    [[nodiscard]] Task<Accepted<void>>
    refuse_answered(CallPtr call, std::string thread, bool unsure);
    [[nodiscard]] Task<Accepted<std::vector<authority::PastTurn>>>
    newest_turns(CallPtr call, std::string thread, std::size_t count, bool loaded = false);
    /// The head of a turn that this request began.
    [[nodiscard]] TurnHead head_of(const Call& call, const authority::Turn& turn) const;
    /// `key`: the Idempotency-Key that leads to it, or empty.
    [[nodiscard]] Task<Accepted<SharedLane::Committed>> commit_everywhere(
        std::string key, SharedHold* hold, const authority::Turn* turn, TurnHead head
    );
    [[nodiscard]] TurnStyle shared_style(std::shared_ptr<TurnJournal> journal) const;
    // turn_starter.cpp
    [[nodiscard]] Task<Accepted<std::shared_ptr<LiveTurn>>> begin_turn(CallPtr call);
    /// `unsure`: the authority may have a turn for this message that no replica knows of.
    [[nodiscard]] Task<Accepted<authority::TurnRequest>>
    make_turn_request(CallPtr call, bool unsure);
    [[nodiscard]] Task<Accepted<void>> replace_turns(CallPtr call, authority::TurnRequest* request);
    [[nodiscard]] Task<Accepted<void>>
    replace_same(CallPtr call, authority::TurnRequest* request, bool unsure);
    [[nodiscard]] Task<Accepted<std::unique_ptr<authority::Turn>>>
    start_turn(CallPtr call, bool unsure);
    [[nodiscard]] Task<Result<std::vector<authority::PastTurn>>>
    turns_to_replace(CallPtr call, std::string thread);
    [[nodiscard]] std::shared_ptr<LiveTurn> go_live(
        const Call& call,
        TurnIdentity identity,
        std::unique_ptr<authority::Turn> turn,
        std::shared_ptr<TurnJournal> journal,
        const TurnHead& head
    ) const;
    [[nodiscard]] bool asks_approvals(const Call& call) const;
    void tell_system(const Call& call, authority::TurnRequest& request) const;
    void note_settled(const Call& call, const authority::Turn& turn);
    [[nodiscard]] bool repeats_newest(const Call& call) const;
    // turn_tools.cpp
    [[nodiscard]] Task<bool> gives_way(CallPtr call);
    [[nodiscard]] Task<Accepted<void>>
    seed_new_thread(CallPtr call, authority::TurnRequest* request);
    [[nodiscard]] Task<Accepted<Seed>> read_earlier(CallPtr call, std::size_t from);
    [[nodiscard]] Task<Accepted<void>> add_unsent(CallPtr call, std::string thread);
    [[nodiscard]] Task<Accepted<void>> offer_tools(CallPtr call, authority::TurnRequest* request);
    [[nodiscard]] Task<Accepted<void>>
    begin_with_results(CallPtr call, authority::TurnRequest* request);
    [[nodiscard]] Task<Accepted<void>> take_results(CallPtr call, authority::TurnRequest* request);
    [[nodiscard]] Task<Accepted<void>>
    add_results_ahead(CallPtr call, authority::TurnRequest* request);
    [[nodiscard]] Task<Accepted<void>> join_waiting(CallPtr call);
    [[nodiscard]] Task<std::vector<authority::PastTurn>>
    stopped_before(CallPtr call, const authority::TurnRequest* request);
    [[nodiscard]] bool stores_still(
        const Call& call, const authority::PastTurn& stopped, const std::vector<std::string>& calls
    ) const;
    [[nodiscard]] Task<std::string> tools_of(std::string thread);
    // turn_starter.cpp
    [[nodiscard]] Task<std::string>
    keep_name(std::string before, std::string title, std::string thread);
    [[nodiscard]] Task<Accepted<void>> remember_thread(CallPtr call, const authority::Turn* turn);

    /// Notes a value for a thread. When the map is full it is cleared: later requests then only
    /// lack these notes.
    template <class Map>
    static void note(Map& map, const std::string& thread, typename Map::mapped_type what) {
        constexpr std::size_t k_most_threads = 10'000;
        if (map.size() >= k_most_threads) {
            map.clear();
        }
        map[thread] = std::move(what);
    }

    /// The authority's thread id → digest of its tools; empty: it has none.
    std::unordered_map<std::string, std::string> tools_{};
    /// The authority's thread id → the settings with which this lane began its newest turn.
    struct Settled {
        std::string turn; ///< the id on the wire
        std::string model;
        std::string effort; ///< empty: none was requested
        std::string system; ///< its digest
    };
    std::unordered_map<std::string, Settled> settled_{};
    /// The authority's thread id → the Idempotency-Key of its newest start, which failed after the
    /// authority may have got it.
    std::unordered_map<std::string, std::string> in_doubt_{};
    LaneState* lane_;
    Answers* answers_;
    IdempotencyKeys keys_{};
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace oa_stream::lane
