// Tests whether conversations survive a change of revision: opens threads on one revision and
// continues them on another, like a user whose next request reaches the other side of a split. Not
// thread-safe; the client must outlive it.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/seen_messages.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// One side that a conversation may reach.
struct Side {
    std::string name{}; ///< its name in checks
    Target target{};
    bool canary = false; ///< the other sides serve already, including any errors in their lists
};

/// A side, with conversations that turns at another side opened.
struct OtherSide {
    Side side{};
    std::vector<std::string> opened_elsewhere{};
};

/// Conversations are read one at a time.
struct ReadPace {
    double per_s = 50; ///< for conversations opened elsewhere
    Millis longest{20'000};
    /// Time per thread and side, if that is more in total and no read failed: a slow target is not
    /// a bad one.
    Millis each{3000};
    Millis most{60'000}; ///< overall limit; after a rollback including the turn
    Millis pause{1000}; ///< before a second attempt, so that a short outage does not hit both
    std::function<bool()> stop{}; ///< true: the caller waits for it to end
};

class Continuity {
public:
    /// `prompt`: for the turns; empty: the probes' prompt.
    Continuity(net::HttpClient& client, ProbeLimits limits, std::string prompt);

    /// A thread made on `from` is read on `to`, answered there, and read again: all earlier
    /// messages must still stand in it, once. FAIL when `to` does not know it, lost a part or lists
    /// what nobody wrote, or a canary as `from` lists it wrongly itself; ERROR when a turn or a
    /// page could not be had, also when `from` says that it has no such thread. SKIPPED (not
    /// required) when `from` itself has no list of messages, or an empty one: such a target has no
    /// conversations to lose. So when one that is not the canary lists its first thread wrongly
    /// itself and `to` knows it: nothing can be compared with that list. A later one is a FAIL.
    [[nodiscard]] Task<Check> across(Side from, Side to, std::string id);

    /// Every thread made so far is whole on each of the sides, which know what was opened elsewhere
    /// as far as there is time to read it: FAIL when one is not known, lost a part or has more than
    /// was sent, which ends the look, ERROR when one of the threads could not be read in two tries
    /// or in time, or none of those of a side, INCONCLUSIVE when it was stopped before the threads
    /// were read.
    [[nodiscard]] Task<Check> kept(std::vector<OtherSide> sides, std::string id, ReadPace pace);

    /// As kept(), on one side. Then the newest thread that the side called `left` wrote last is
    /// answered, too: to be read is not enough. FAIL when two tries are refused, ERROR when they
    /// or the time end in another way. SKIPPED when none was made.
    [[nodiscard]] Task<Check> all_on(Side side, std::string id, std::string left, ReadPace pace);

    /// Removes and returns the thread ids, for remove_threads().
    [[nodiscard]] std::vector<std::string> take();

private:
    struct Thread {
        std::string id;
        std::string writer{}; ///< the side that answered last
        std::vector<SeenMessage> messages{};
        std::size_t sent = 0; ///< messages sent since the last read, with unknown result
    };
    struct Page {
        std::optional<std::vector<SeenMessage>> messages{};
        int status = 0;
        [[nodiscard]] bool not_there() const noexcept { return status == 404; }
        /// Some servers answer with an empty list for an unknown conversation.
        [[nodiscard]] bool unknown_there() const noexcept {
            return not_there() || (messages && messages->empty());
        }
        bool unknown = false; ///< the route exists, but not the thread
        std::string seen{}; ///< the answer, shortened
        std::string wrong{}; ///< fault found in its messages by read_twice(); "" when none
    };
    struct Tries {
        std::vector<SeenMessage> expected{}; ///< the messages that the page must begin with
        std::size_t sent = 0; ///< messages sent since
        std::size_t least = 0; ///< number of messages on a complete page
        Millis pause = ReadPace{}.pause;
        Clock::time_point until = Clock::time_point::max();
        [[nodiscard]] std::string wrong_with(const std::vector<SeenMessage>& seen) const;
    };
    [[nodiscard]] ProbeLimits limits_until(Clock::time_point until) const;
    [[nodiscard]] Task<Page>
    read(Target target, std::string thread, Clock::time_point until = Clock::time_point::max());
    /// Reads again if the page was unreadable or not as expected: users retry, too.
    [[nodiscard]] Task<Page> read_twice(Target target, std::string thread, Tries tries);
    [[nodiscard]] Task<ProbeSample>
    say(Target target, std::string thread, Clock::time_point until = Clock::time_point::max());
    struct Look;
    [[nodiscard]] Task<void> read_until_over(Look* look);
    [[nodiscard]] Task<void> read_all(Look* look);
    /// Reads the conversations opened elsewhere, alternating between sides.
    [[nodiscard]] Task<void> read_elsewhere(Look* look);
    /// Judges the thread's next message and the list after it.
    [[nodiscard]] Task<Check> judge_turn(
        Thread* thread, Side to, ProbeSample answered, Tries tries, std::string id, std::string way
    );

    net::HttpClient& client_;
    ProbeLimits limits_;
    std::string prompt_;
    std::vector<std::string> opened_{}; ///< including conversations that could not be read
    std::vector<Thread> threads_{};
    /// A side other than the canary lists empty parts beside the content of its messages, so such
    /// parts prove nothing against any side.
    bool blank_parts_known_ = false;
};

struct ThreadCount {
    std::uint64_t known = 0;
    bool more = false; ///< there are others that were not read
    friend bool operator==(const ThreadCount&, const ThreadCount&) = default;
};

/// The number of conversations that the target lists for this caller, without those of probes.
/// Reads at most `most`; nullopt when it lists none or does not answer.
[[nodiscard]] Task<std::optional<ThreadCount>>
count_threads(net::HttpClient& client, Target target, ProbeLimits limits, std::uint64_t most);

} // namespace oa_stream::probe
