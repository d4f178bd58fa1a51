// The whole cutover on this machine: two lanes on recorded turns, a front door, one playbook.
#pragma once

#include "oa_stream/playbook/fault.hpp"
#include "oa_stream/playbook/runner.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace oa_stream::playbook {

struct LocalRehearsalOptions {
    Millis bake{4000};
    double rate = 25; ///< probes a second and arm; unpinned ones come at the same rate
};

/// The playbook of `cutover rehearse --local`, in the one place where it is written down.
///
/// Its numbers hang together. A gate may decide twice (end of the bake, end of the extension), so
/// each bound holds with 97.5 %: a bad rate of at most 5 % needs 73 clean samples, a p95 bound 72;
/// 25/s for 4 s give 100 an arm. The run's gate (1 %) is judged once on all five stages: it needs
/// 268 clean samples and has about 500.
[[nodiscard]] Playbook local_rehearsal(const LocalRehearsalOptions& options);

struct RehearsalInput {
    std::string program;             ///< path of this binary
    std::filesystem::path state_dir;
    std::vector<std::string> argv{}; ///< for run.json
    std::string version{};
    std::string replay{};            ///< folder of transcripts; empty: those built in
    LocalRehearsalOptions options{};
    std::vector<Fault> faults{};
    StopRequest* stop = nullptr;
    Observer observer{};
};

struct Rehearsal {
    RunOutcome outcome;
    std::string run;                ///< id
    std::filesystem::path evidence; ///< absolute
    std::string next;               ///< what to type when not PASS; empty on PASS
    Json document;                  ///< for --json: verdict, run, evidence, checks and more
};

/// Starts everything, runs the playbook, ends everything, leaves the evidence. An error only when
/// there is not even a run folder.
[[nodiscard]] Task<Result<Rehearsal>> rehearse_local(RehearsalInput input);

} // namespace oa_stream::playbook
