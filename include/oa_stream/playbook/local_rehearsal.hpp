// A complete cutover on this machine: two lanes on recorded turns, a front door, one playbook.
#pragma once

#include "oa_stream/playbook/fault.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/playbook/runner.hpp"

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::playbook {

/// Unset members: the values of playbooks/local-rehearsal.yaml.
struct LocalRehearsalOptions {
    std::optional<Millis> bake{};
    /// Probes per second and arm; unpinned probes are sent at the same rate.
    std::optional<double> rate{};
    /// For a drill: "error-rate=0.3"; empty: the stage is declared failed.
    std::optional<std::string> fault{};
};

/// The playbook of `cutover rehearse --local`: playbooks/local-rehearsal.yaml as embedded at build
/// time.
[[nodiscard]] Playbook local_rehearsal(const LocalRehearsalOptions& options);
/// The playbook of `rollback drill --local`: playbooks/local-drill.yaml.
[[nodiscard]] Playbook local_drill(const LocalRehearsalOptions& options);

/// Several lanes per revision on one shared store.
struct SharedStore {
    std::size_t replicas = 1; ///< lanes per revision
    std::vector<std::string> lane_args{}; ///< arguments for `serve`: store and prefix
    std::map<std::string, std::string> env{}; ///< added to the lanes' environment
    /// Removes what the lanes left in the store, after they have ended.
    std::function<Task<Result<void>>()> clear{};
};

struct RehearsalInput {
    std::string program; ///< path of this binary
    std::string replay{}; ///< folder of transcripts; empty: the built-in ones
    LocalRehearsalOptions options{};
    std::vector<Fault> faults{};
    SharedStore shared{};
    Operator by{};
};

/// Starts everything, runs the playbook, ends everything and leaves the evidence. Returns an error
/// only when no run folder could be created.
[[nodiscard]] Task<Result<run::RunResult>> rehearse_local(RehearsalInput input);
/// The same for a drill; ignores `faults`.
[[nodiscard]] Task<Result<run::RunResult>> drill_local(RehearsalInput input);

} // namespace oa_stream::playbook
