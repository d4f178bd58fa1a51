// Do conversations survive a change of revision? Makes threads on one revision and goes on with
// them on another, as a user does whose next request meets the other side of a split.
// One thread; the client must outlive it.
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

/// One that a conversation may meet.
struct Side {
    std::string name{}; ///< in the words of checks
    Target target{};
    bool canary = false; ///< the others serve already, with whatever they list wrongly
};

/// A side, and conversations that turns at another one opened.
struct OtherSide {
    Side side{};
    std::vector<std::string> opened_elsewhere{};
};

/// One at a time.
struct ReadPace {
    double per_s = 50; ///< of those that were opened elsewhere
    Millis longest{20'000};
    /// For each thread and side, when that is more in all and none failed: a slow target is no
    /// bad one.
    Millis each{3000};
    Millis most{60'000};  ///< whatever there is to read; with its turn after a rollback
    Millis pause{1000};   ///< before a second try, so that a blip does not meet both
    std::function<bool()> stop{}; ///< true: somebody waits for it to end
};

class Continuity {
public:
    /// `prompt`: of the turns; empty: that of probes.
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

    /// Their ids, for remove_threads(); they are forgotten.
    [[nodiscard]] std::vector<std::string> take();

private:
    struct Thread {
        std::string id;
        std::string writer{}; ///< the side that answered last
        std::vector<SeenMessage> messages{};
        std::size_t sent = 0; ///< messages sent since; nobody has read what became of them
    };
    struct Page {
        std::optional<std::vector<SeenMessage>> messages{};
        int status = 0;
        [[nodiscard]] bool not_there() const noexcept { return status == 404; }
        /// Some answer with an empty list for a conversation that they do not know.
        [[nodiscard]] bool unknown_there() const noexcept {
            return not_there() || (messages && messages->empty());
        }
        bool unknown = false; ///< the route is there, and has no such thread
        std::string seen{}; ///< the answer, in a few words
        std::string wrong{}; ///< with its messages, by read_twice(); "" when it has none
    };
    struct Tries {
        std::vector<SeenMessage> expected{}; ///< what the page begins with
        std::size_t sent = 0; ///< messages sent since
        std::size_t least = 0; ///< messages that the page has when it is whole
        Millis pause = ReadPace{}.pause;
        Clock::time_point until = Clock::time_point::max();
        [[nodiscard]] std::string wrong_with(const std::vector<SeenMessage>& seen) const;
    };
    [[nodiscard]] ProbeLimits limits_until(Clock::time_point until) const;
    [[nodiscard]] Task<Page>
    read(Target target, std::string thread, Clock::time_point until = Clock::time_point::max());
    /// Once more where it could not be read, or is not as expected: users come again, too.
    [[nodiscard]] Task<Page> read_twice(Target target, std::string thread, Tries tries);
    [[nodiscard]] Task<ProbeSample>
    say(Target target, std::string thread, Clock::time_point until = Clock::time_point::max());
    struct Look;
    [[nodiscard]] Task<void> read_until_over(Look* look);
    [[nodiscard]] Task<void> read_all(Look* look);
    /// What was opened elsewhere, for all sides in turn.
    [[nodiscard]] Task<void> read_elsewhere(Look* look);
    /// What became of the thread's next message, and what it lists then.
    [[nodiscard]] Task<Check> judge_turn(
        Thread* thread, Side to, ProbeSample answered, Tries tries, std::string id, std::string way
    );

    net::HttpClient& client_;
    ProbeLimits limits_;
    std::string prompt_;
    std::vector<std::string> opened_{}; ///< also those that could not be read
    std::vector<Thread> threads_{};
    /// One that is not the canary lists empty parts beside the content of its own messages: such
    /// lists say nothing of any side.
    bool blank_parts_known_ = false;
};

struct ThreadCount {
    std::uint64_t known = 0;
    bool more = false; ///< there are others that were not looked at
    friend bool operator==(const ThreadCount&, const ThreadCount&) = default;
};

/// How many conversations the target lists for this caller that are not a probe's. At most `most`
/// are read; nullopt when it lists none or does not answer.
[[nodiscard]] Task<std::optional<ThreadCount>>
count_threads(net::HttpClient& client, Target target, ProbeLimits limits, std::uint64_t most);

} // namespace oa_stream::probe
