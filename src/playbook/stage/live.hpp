// Instruments that probe over the network.
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
    probe::Target users; ///< the users' address; pinned targets add the driver's address
    traffic::Arms arms{};
    std::string prompt; ///< for probes and smokes
    probe::ProbeLimits limits{};
    /// False: smokes only send GETs, and checks that need more are SKIPPED.
    bool probes = true;
    /// False: nothing is requested that the control surface would have to create or record.
    bool writes = true;
    std::string control_url{}; ///< URL of the control surface; empty: the lane's
    /// False: conversations of probes end with their lanes, so none is deleted.
    bool cleans_up = true;
    /// One lane per arm for its smokes: they read back what they made, and a lane on recorded turns
    /// does not share messages. Arms not listed: determined by the driver.
    std::map<Through, std::string> smoke_at{};
    std::size_t keep_bad = 5; ///< bad streams kept per arm and stage; one good one is kept, too
    std::function<void(const Check&)> on_check{}; ///< called for each completed check of a smoke
    /// Starts planted faults; unset: none can be planted.
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
