// The whole cutover on this machine: two lanes on recorded turns, a front door, one playbook.
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

/// Unset: as playbooks/local-rehearsal.yaml says.
struct LocalRehearsalOptions {
    std::optional<Millis> bake{};
    std::optional<double> rate{}; ///< probes a second and arm; unpinned ones come at the same rate
    std::optional<std::string> fault{}; ///< of a drill: "error-rate=0.3"; empty: it is ruled
};

/// The playbook of `cutover rehearse --local`: playbooks/local-rehearsal.yaml as it was when this
/// binary was built.
[[nodiscard]] Playbook local_rehearsal(const LocalRehearsalOptions& options);
/// That of `rollback drill --local`: playbooks/local-drill.yaml.
[[nodiscard]] Playbook local_drill(const LocalRehearsalOptions& options);

/// Several lanes a revision, on a store that all of them share.
struct SharedStore {
    std::size_t replicas = 1; ///< lanes a revision
    std::vector<std::string> lane_args{}; ///< of `serve`: which store, under which prefix
    std::map<std::string, std::string> env{}; ///< for the lanes, besides the usual
    /// Takes what the lanes left out of the store, once they are gone.
    std::function<Task<Result<void>>()> clear{};
};

struct RehearsalInput {
    std::string program; ///< path of this binary
    std::string replay{}; ///< folder of transcripts; empty: those built in
    LocalRehearsalOptions options{};
    std::vector<Fault> faults{};
    SharedStore shared{};
    Operator by{};
};

/// Starts everything, runs the playbook, ends everything, leaves the evidence. An error only when
/// there is not even a run folder.
[[nodiscard]] Task<Result<run::RunResult>> rehearse_local(RehearsalInput input);
/// The same for a drill; `faults` are not looked at.
[[nodiscard]] Task<Result<run::RunResult>> drill_local(RehearsalInput input);

} // namespace oa_stream::playbook
