// Threads of the replay authority: in memory, bounded, least recently used first out.
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
    std::string user_text{};
    std::vector<InputPart> input{};
    std::string client_message_id{};
    Recording recording{};
    std::size_t played = 0; ///< events told so far
    turn::Outcome outcome = turn::Outcome::completed;
    bool running = true;
    bool stopping = false; ///< interrupted, its end not fetched yet
    std::optional<turn::FailureCode> failure{}; ///< that its client was told of its interruption
    std::int64_t started_at = 0;
    std::int64_t completed_at = 0;
};

class ReplayThreads {
public:
    explicit ReplayThreads(std::size_t most) : most_(most) {}

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
    };
    using Place = std::list<Thread>::iterator;
    Thread& touch(const std::string& thread);
    /// Code::not_found.
    [[nodiscard]] Result<Place> known(const std::string& thread) const;
    /// The same, and Code::conflict while a turn runs on it.
    [[nodiscard]] Result<Place> at_rest(const std::string& thread) const;
    /// Drops the turns from this one on, or only those behind it. Code::precondition: no such turn.
    [[nodiscard]] static Result<void> cut(Thread& thread, std::string_view from, bool behind);

    std::size_t most_;
    std::list<Thread> order_{}; ///< most recently used first
    std::map<std::string, Place, std::less<>> by_id_{};
};

} // namespace oa_stream::authority
