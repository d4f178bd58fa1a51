// Tests whether lanes really share their turns: begins answers on one lane and reads them at the
// same time through another one. Not thread-safe; the client must outlive it.
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
    std::vector<Target> lanes{}; ///< at least two; answers begin on each in turn
    std::string prompt{};
    ProbeLimits limits{};
    Millis pause{200}; ///< between two answers
};

/// One answer as read from its own lane and from the other lane, without comments.
struct SharedTurn {
    std::string first{};
    std::string second{};
};
enum class Shared {
    same, ///< both complete and identical
    carried, ///< the first was cut; the other lane sent an ending, and nothing else differs
    differs,
    lost, ///< the other lane sent no ending
};
[[nodiscard]] Shared judge_shared(const SharedTurn& turn);

class SharedTurns {
public:
    SharedTurns(net::HttpClient& client, SharedTurnsOptions options);
    /// Continues until finish().
    void start(const asio::any_io_executor& executor);
    /// Begins no new answer and waits for the one under way. FAIL for a lost or different answer,
    /// INCONCLUSIVE when none could be read twice.
    [[nodiscard]] Task<Check> finish(std::string id);

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace oa_stream::probe
