// Threads of the replay authority: in memory, bounded in number and bytes. The least recently used
// thread is dropped first.
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

/// One turn as its thread stores it; filled while it is played.
struct ReplayedTurn {
    std::string id{};
    std::vector<InputPart> input{};
    std::string client_message_id{};
    Recording recording{};
    std::size_t bytes = 0; ///< its input and any synthetic recording
    std::size_t played = 0; ///< events sent so far
    turn::Outcome outcome = turn::Outcome::completed;
    bool running = true;
    bool stopping = false; ///< interrupted, end not fetched yet
    /// failure sent to its client when it was interrupted
    std::optional<turn::FailureCode> failure{};
    std::int64_t started_at = 0;
    std::int64_t completed_at = 0;
};

/// Bytes of texts and images.
[[nodiscard]] std::size_t bytes_of(const std::vector<InputPart>& parts);

class ReplayThreads {
public:
    ReplayThreads(std::size_t most, std::size_t most_bytes)
        : most_(most), most_bytes_(most_bytes) {}

    /// A new thread with the seed as its first turns.
    [[nodiscard]] std::string add(const std::vector<SeedMessage>& seed);
    [[nodiscard]] Result<void> name(const std::string& thread, std::string title);
    [[nodiscard]] Result<void> erase(const std::string& thread);
    /// A new thread with the turns up to `last_turn` (empty: all).
    [[nodiscard]] Result<std::string> fork(const std::string& thread, std::string_view last_turn);
    /// Creates the thread if it is unknown: a restarted process has lost it.
    void ensure(const std::string& thread);
    /// Drops `turn` and all later turns. Code::not_found, Code::precondition (no such turn).
    [[nodiscard]] Result<void> revert(const std::string& thread, std::string_view turn);
    /// True while its last turn runs and was not interrupted.
    [[nodiscard]] bool busy(const std::string& thread) const;
    void append(const std::string& thread, std::shared_ptr<ReplayedTurn> turn);
    [[nodiscard]] Result<std::vector<PastTurn>> turns(const std::string& thread) const;
    /// nullopt for an unknown thread.
    [[nodiscard]] std::optional<ThreadInfo> info(const std::string& thread) const;

private:
    struct Thread {
        std::string id;
        std::int64_t created_at = 0;
        std::string name{};
        std::vector<PastTurn> seed{};
        std::vector<std::shared_ptr<ReplayedTurn>> turns{};
        std::size_t bytes = 0; ///< of both; a turn shared by threads counts in each
    };
    using Place = std::list<Thread>::iterator;
    Thread& touch(const std::string& thread);
    void forget(Place place);
    void weigh(Thread& thread);
    /// Drops the other threads first, then the oldest turns of the most recently used one.
    void make_room();
    /// Code::not_found.
    [[nodiscard]] Result<Place> known(const std::string& thread) const;
    /// Like known(), but Code::conflict while a turn runs on it.
    [[nodiscard]] Result<Place> at_rest(const std::string& thread) const;
    /// Drops the turns from `from` on, or only those after it. Code::precondition: no such turn.
    [[nodiscard]] static Result<void> cut(Thread& thread, std::string_view from, bool behind);

    std::size_t most_;
    std::size_t most_bytes_;
    std::size_t bytes_ = 0; ///< of all threads
    std::list<Thread> order_{}; ///< most recently used first
    std::map<std::string, Place, std::less<>> by_id_{};
};

} // namespace oa_stream::authority
