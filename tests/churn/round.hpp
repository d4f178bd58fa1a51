// N clients at once, each one stream after the other until the round's time is over.
#pragma once

#include "oa_stream/net/http_client.hpp"

#include "options.hpp"
#include "recording.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace oa_stream::churn {

struct Counts {
    std::uint64_t streams = 0;
    std::uint64_t whole = 0;   ///< well-behaved, read to the end
    std::uint64_t left = 0;    ///< cut by us in the middle
    std::uint64_t resumed = 0; ///< left, and read from the start again
    std::uint64_t resume_gone = 0; ///< likewise, but there was nothing to resume any more
    std::uint64_t resume_late = 0; ///< likewise, but the turn was stopped for want of a reader
    std::uint64_t slow_whole = 0;
    std::uint64_t slow_cut = 0;        ///< by the lane
    std::uint64_t slow_unfinished = 0; ///< the round was over first
    std::uint64_t refused = 0;         ///< a status other than 200
    std::uint64_t most_at_once = 0;
    // Nothing below may happen.
    std::uint64_t violations = 0; ///< must rules broken, all streams together
    std::uint64_t lost = 0;       ///< streams whose text is shorter than recorded
    std::uint64_t doubled = 0;    ///< longer
    std::uint64_t altered = 0;    ///< as long, but another
    std::uint64_t failed = 0;     ///< streams that ended in an error, or stopped by nobody
    std::uint64_t broken = 0;     ///< transfers that ended without their body's end
    std::vector<std::string> samples{}; ///< the first few of those, in words
};

class Round {
public:
    Round(
        const asio::any_io_executor& executor,
        const Options& options,
        const std::vector<Recording>& recordings,
        const Recording& slow,
        std::uint64_t number
    );
    /// Every client has ended when this returns. `self` keeps the round alive.
    [[nodiscard]] static Task<Counts> run(std::shared_ptr<Round> self);

private:
    struct Turn {
        std::string path;
        std::string body;
        const Recording* recording;
    };

    [[nodiscard]] static Task<void> client(std::shared_ptr<Round> self, std::size_t slot);
    [[nodiscard]] static Task<void> read(std::shared_ptr<Round> self, Turn turn);
    [[nodiscard]] static Task<std::string>
    leave(std::shared_ptr<Round> self, Turn turn, std::size_t after);
    [[nodiscard]] static Task<void>
    resume(std::shared_ptr<Round> self, Turn turn, std::size_t after);
    [[nodiscard]] static Task<void> dawdle(std::shared_ptr<Round> self, Turn turn);
    [[nodiscard]] Turn next_turn(std::size_t slot, const Recording& recording);
    [[nodiscard]] net::ClientRequest request_of(const Turn& turn) const;
    void compare(const Turn& turn, std::string_view text);
    void complain(std::uint64_t& count, const Turn& turn, std::string what);

    asio::any_io_executor executor_;
    const Options* options_;
    const std::vector<Recording>* recordings_;
    const Recording* slow_;
    std::unique_ptr<net::HttpClient> http_;
    std::mt19937_64 random_;
    std::uint64_t number_;
    std::uint64_t messages_ = 0;
    std::uint64_t open_ = 0;
    std::size_t running_ = 0;
    Clock::time_point until_;
    Counts counts_{};
};

} // namespace oa_stream::churn
