// The engine's measuring instruments. The live ones probe over the network; tests supply their own.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/measure/sample.hpp"
#include "oa_stream/measure/source.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/probe/continuity.hpp"
#include "oa_stream/probe/opened_threads.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace oa_stream::playbook {

/// Sources of users' requests, by kind ("prometheus"); not owned. If a source named by the playbook
/// is missing here, its gates are not judged.
using Sources = std::map<std::string_view, measure::Source*>;

/// Arrivals per second. The arms of samples are "stable", "canary" and "users".
struct FlowRates {
    double stable = 0;
    double canary = 0;
    double users = 0; ///< unpinned
    /// This many conversations of each pinned arm are kept for conversations_kept().
    std::size_t sampled = 0;
};

/// Requests without a sample: deletions of conversations.
struct OtherRequests {
    std::uint64_t sent = 0;
    std::uint64_t over = 0; ///< completed ones among them
};

/// All calls must be made on the engine's thread, one at a time.
class Instruments {
public:
    virtual ~Instruments() = default;
    Instruments() = default;
    Instruments(const Instruments&) = delete;
    Instruments& operator=(const Instruments&) = delete;

    /// The checks' ids begin with the spec's id.
    [[nodiscard]] virtual Task<std::vector<Check>> smoke(SmokeSpec spec) = 0;

    /// Compares canary with stable, each at its own address. The checks' ids begin with `id`.
    [[nodiscard]] virtual Task<std::vector<Check>> shadow(ShadowSpec spec, std::string id) = 0;

    /// Checks that a conversation opened on one revision continues on the other; the check's id is
    /// `id`.
    [[nodiscard]] virtual Task<Check> continuity(Through from, Through to, std::string id) = 0;
    /// Checks every conversation of continuity() at the canary's own address and, with `back`, at
    /// stable's, and the sample of conversations that the other revision's probes opened. The
    /// check's id is `id`.
    [[nodiscard]] virtual Task<Check>
    conversations_kept(bool back, std::string id, probe::ReadPace pace) = 0;
    /// Checks every conversation of continuity() at the users' address; one that the canary wrote
    /// last is also continued.
    [[nodiscard]] virtual Task<Check> conversations_whole(std::string id, probe::ReadPace pace) = 0;
    /// Deletes every conversation that these instruments opened.
    [[nodiscard]] virtual Task<probe::Removal> remove_conversations(probe::RemovePace pace) = 0;

    /// Starts an open-loop flow: stratified arms, and users' probes at random moments. Every ended
    /// probe is passed to `on_sample`, with at_s on the run's clock; a cancelled one as
    /// measure::k_cancelled.
    [[nodiscard]] virtual Result<void>
    start_flow(FlowRates rates, std::function<void(measure::Sample)> on_sample) = 0;
    /// Stops new arrivals; waits at most `limit` for probes in flight, then drops them. Idempotent.
    [[nodiscard]] virtual Task<void> stop_flow(Millis limit) = 0;

    /// In addition to any flow: probes at the users' address, each over a fresh connection, until
    /// stop_watch(). A drill observes its rollback with them.
    [[nodiscard]] virtual Result<void>
    start_watch(double per_s, std::function<void(measure::Sample)> on_sample) = 0;
    [[nodiscard]] virtual Task<void> stop_watch(Millis limit) = 0;

    /// One probe at the users' address, over a fresh connection.
    [[nodiscard]] virtual Task<measure::Sample> fresh_probe() = 0;

    /// The requests of this run so far, while stages are measured.
    [[nodiscard]] virtual OtherRequests other_requests() const = 0;

    /// A stage begins: its planted faults start now. Returns which, empty when none.
    [[nodiscard]] virtual Task<Result<std::string>> begin_stage(int percent) = 0;

    /// Called when nothing is being measured: writes data that was held back, because disk writes
    /// would affect the clocks of running probes.
    virtual void write_pending() = 0;
};

} // namespace oa_stream::playbook
