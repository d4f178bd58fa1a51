// The instruments that probe over the wire.
#pragma once

#include "oa_stream/probe/stream_probe.hpp"
#include "oa_stream/run/run_folder.hpp"
#include "oa_stream/traffic/kind.hpp"

#include "engine/instruments.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>

namespace oa_stream::playbook {

struct LiveOptions {
    probe::Target users; ///< as everybody comes in; pinned targets add the driver's address
    traffic::Arms arms{};
    std::string prompt;  ///< of probes and smokes
    probe::ProbeLimits limits{};
    /// False: smokes send GETs alone, and what needs more is SKIPPED.
    bool probes = true;
    /// False: nothing is asked of the control surface that it would have to make or note down.
    bool writes = true;
    std::string control_url{}; ///< of the control surface; empty: where the lane is
    /// False: conversations of probes end with their lanes, so none is deleted.
    bool cleans_up = true;
    /// One lane of an arm, for its smokes: they read back what they made, and a lane on recorded
    /// turns keeps messages to itself. Arms that are not here: as their driver says.
    std::map<Through, std::string> smoke_at{};
    std::size_t keep_bad = 5; ///< streams kept per arm and stage; one good one is kept, too
    std::function<void(const Check&)> on_check{}; ///< of a smoke, as it is done
    /// Planted faults; unset: none can be.
    std::function<Task<Result<std::string>>(int percent)> begin_stage{};
};

/// All references must outlive the instruments. `driver`: null where nothing is pinned.
[[nodiscard]] std::unique_ptr<Instruments> make_live_instruments(
    const asio::any_io_executor& executor,
    net::HttpClient& client,
    const traffic::TrafficDriver* driver,
    run::RunFolder& folder,
    LiveOptions options
);

} // namespace oa_stream::playbook
