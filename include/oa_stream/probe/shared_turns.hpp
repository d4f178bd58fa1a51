// Do lanes really share their turns? While it goes on, answers are begun on one lane and read at
// the same time through another one. One thread; the client must outlive it.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace oa_stream::probe {

struct SharedTurnsOptions {
    std::vector<Target> lanes{}; ///< at least two; each answer begins on the next one
    std::string prompt{};
    ProbeLimits limits{};
    Millis pause{200}; ///< between two answers
};

/// One answer as its own reader and the other lane's saw it, without comments.
struct SharedTurn {
    std::string first{};
    std::string second{};
};
enum class Shared {
    same,    ///< both whole, byte for byte
    carried, ///< the first was cut; the other lane sent an ending, and nothing else in between
    differs,
    lost, ///< the other lane sent no ending
};
[[nodiscard]] Shared judge_shared(const SharedTurn& turn);

class SharedTurns {
public:
    SharedTurns(net::HttpClient& client, SharedTurnsOptions options);
    /// Goes on until finish().
    void start(const asio::any_io_executor& executor);
    /// No new answer; waits for the one under way. FAIL for one that is lost or another one,
    /// INCONCLUSIVE when none could be read twice.
    [[nodiscard]] Task<Check> finish(std::string id);

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace oa_stream::probe
