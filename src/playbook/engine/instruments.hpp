// What the engine measures with. The live ones probe over the wire; tests give their own.
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

/// Who measures others' requests, by kind ("prometheus"); not owned. A playbook may name one that
/// is not here: then its gates are not judged.
using Sources = std::map<std::string_view, measure::Source*>;

/// Arrivals a second. The arms of samples are called "stable", "canary" and "users".
struct FlowRates {
    double stable = 0;
    double canary = 0;
    double users = 0; ///< unpinned
    /// So many conversations of each pinned arm stay for conversations_kept().
    std::size_t sampled = 0;
};

/// Requests that no sample stands for: deletions of conversations.
struct OtherRequests {
    std::uint64_t sent = 0;
    std::uint64_t over = 0; ///< of them
};

/// All calls on the engine's thread, one at a time.
class Instruments {
public:
    virtual ~Instruments() = default;
    Instruments() = default;
    Instruments(const Instruments&) = delete;
    Instruments& operator=(const Instruments&) = delete;

    /// The checks' ids begin with the spec's.
    [[nodiscard]] virtual Task<std::vector<Check>> smoke(SmokeSpec spec) = 0;

    /// Canary against stable, each at its own address. The checks' ids begin with `id`.
    [[nodiscard]] virtual Task<std::vector<Check>> shadow(ShadowSpec spec, std::string id) = 0;

    /// A conversation made on one revision goes on on the other; the check is called `id`.
    [[nodiscard]] virtual Task<Check> continuity(Through from, Through to, std::string id) = 0;
    /// Every conversation that continuity() made, at the canary's own address and, with `back`, at
    /// stable's; and the sample of those that the other one's probes opened. The check is called
    /// `id`.
    [[nodiscard]] virtual Task<Check>
    conversations_kept(bool back, std::string id, probe::ReadPace pace) = 0;
    /// Every conversation that continuity() made, as users come in now; one that the canary wrote
    /// last is answered, too.
    [[nodiscard]] virtual Task<Check> conversations_whole(std::string id, probe::ReadPace pace) = 0;
    /// Deletes every conversation that anything here opened.
    [[nodiscard]] virtual Task<probe::Removal> remove_conversations(probe::RemovePace pace) = 0;

    /// Open loop, stratified, and users' probes at random moments; every probe that ends is handed
    /// to `on_sample`, with at_s on the run's clock. One that is given up is handed on as
    /// measure::k_cancelled.
    [[nodiscard]] virtual Result<void>
    start_flow(FlowRates rates, std::function<void(measure::Sample)> on_sample) = 0;
    /// No more arrivals; waits for those in flight, at most `limit`, then drops them. Idempotent.
    [[nodiscard]] virtual Task<void> stop_flow(Millis limit) = 0;

    /// Besides any flow: probes as users come in, each over a fresh connection, until it is
    /// stopped. A drill watches its rollback with it.
    [[nodiscard]] virtual Result<void>
    start_watch(double per_s, std::function<void(measure::Sample)> on_sample) = 0;
    [[nodiscard]] virtual Task<void> stop_watch(Millis limit) = 0;

    /// One probe as users come in, over a fresh connection.
    [[nodiscard]] virtual Task<measure::Sample> fresh_probe() = 0;

    /// Of this run so far, while stages are measured.
    [[nodiscard]] virtual OtherRequests other_requests() const = 0;

    /// A stage begins: planted faults start now. Says which, empty when none.
    [[nodiscard]] virtual Task<Result<std::string>> begin_stage(int percent) = 0;

    /// Nothing is being measured now: the time to write what was held back (the disk would show in
    /// the clocks of running probes).
    virtual void write_pending() = 0;
};

} // namespace oa_stream::playbook
