// Threads of the replay authority: in memory, bounded in number and bytes, least recently used
// first out.
#pragma once

#include "replay_library.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::authority {

/// One turn as its thread remembers it; filled in while it is played.
struct ReplayedTurn {
    std::string id{};
    std::vector<InputPart> input{};
    std::string client_message_id{};
    Recording recording{};
    std::size_t bytes = 0; ///< that it keeps: its input, and a recording made up for it
    std::size_t played = 0; ///< events told so far
    turn::Outcome outcome = turn::Outcome::completed;
    bool running = true;
    bool stopping = false; ///< interrupted, its end not fetched yet
    std::optional<turn::FailureCode> failure{}; ///< that its client was told of its interruption
    std::int64_t started_at = 0;
    std::int64_t completed_at = 0;
};

/// Of their texts and images.
[[nodiscard]] std::size_t bytes_of(const std::vector<InputPart>& parts);

class ReplayThreads {
public:
    ReplayThreads(std::size_t most, std::size_t most_bytes)
        : most_(most), most_bytes_(most_bytes) {}

    /// A new one with the seed as its first turns.
    [[nodiscard]] std::string add(const std::vector<SeedMessage>& seed);
    [[nodiscard]] Result<void> name(const std::string& thread, std::string title);
    [[nodiscard]] Result<void> erase(const std::string& thread);
    /// A new one with its turns up to `last_turn` (empty: all).
    [[nodiscard]] Result<std::string> fork(const std::string& thread, std::string_view last_turn);
    /// Started again when it is not known: a process that was restarted has forgotten it.
    void ensure(const std::string& thread);
    /// Drops `turn` and all after it. Code::not_found, Code::precondition (no such turn).
    [[nodiscard]] Result<void> revert(const std::string& thread, std::string_view turn);
    /// True while its last turn runs and was not told to stop.
    [[nodiscard]] bool busy(const std::string& thread) const;
    void append(const std::string& thread, std::shared_ptr<ReplayedTurn> turn);
    [[nodiscard]] Result<std::vector<PastTurn>> turns(const std::string& thread) const;
    /// nullopt when it is not known.
    [[nodiscard]] std::optional<ThreadInfo> info(const std::string& thread) const;

private:
    struct Thread {
        std::string id;
        std::int64_t created_at = 0;
        std::string name{};
        std::vector<PastTurn> seed{};
        std::vector<std::shared_ptr<ReplayedTurn>> turns{};
        std::size_t bytes = 0; ///< of both; a turn that threads share counts in each
    };
    using Place = std::list<Thread>::iterator;
    Thread& touch(const std::string& thread);
    void forget(Place place);
    void weigh(Thread& thread);
    /// The other threads go first, then the oldest turns of the one that was used last.
    void make_room();
    /// Code::not_found.
    [[nodiscard]] Result<Place> known(const std::string& thread) const;
    /// The same, and Code::conflict while a turn runs on it.
    [[nodiscard]] Result<Place> at_rest(const std::string& thread) const;
    /// Drops the turns from this one on, or only those behind it. Code::precondition: no such turn.
    [[nodiscard]] static Result<void> cut(Thread& thread, std::string_view from, bool behind);

    std::size_t most_;
    std::size_t most_bytes_;
    std::size_t bytes_ = 0; ///< of all threads
    std::list<Thread> order_{}; ///< most recently used first
    std::map<std::string, Place, std::less<>> by_id_{};
};

} // namespace oa_stream::authority
