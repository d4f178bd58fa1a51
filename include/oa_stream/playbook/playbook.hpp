// What is to be done, before anything is looked at: the typed form of a playbook file.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/measure/gate.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

/// Whose door a smoke knocks at.
enum class Through {
    stable, ///< pinned to the stable revision
    canary, ///< pinned to the canary, whatever its share
    users,  ///< as everybody comes in
};
[[nodiscard]] std::string_view to_string(Through through) noexcept;

struct SmokeSpec {
    std::string id; ///< "preflight.canary"; prefix of its checks' ids
    Through through = Through::users;
    friend bool operator==(const SmokeSpec&, const SmokeSpec&) = default;
};

/// Both arms are probed at the same rate, pinned; unpinned probes come on top and only verify the
/// split.
struct ProbeSpec {
    double per_arm_per_s = 2;
    double unpinned_per_s = 2;
};

struct StageSpec {
    Millis bake{600000};
    ProbeSpec probe{};
    std::vector<measure::GateSpec> gates;
    Millis extend_at_most{0}; ///< a second window for gates that could not decide; 0: none
};

struct Traffic {
    std::string driver; ///< "local"
    std::string stable; ///< revision names
    std::string canary;
};

enum class Afterwards {
    stay,    ///< the last stage's split stays: a cutover
    restore, ///< ends where it began, verified: a rehearsal
};

struct Playbook {
    int version = 1;
    std::string kind; ///< "rehearsal"
    std::string name;
    Traffic traffic;
    std::vector<SmokeSpec> preflight;
    std::vector<int> stages; ///< canary's percent: strictly rising, 0–100
    StageSpec stage;
    /// Judged once on the canary's samples of all stages together, before the postflight.
    /// Legitimate because a stage that failed ended the run: what is pooled never contains a known
    /// breach.
    std::vector<measure::GateSpec> run_gates;
    std::vector<SmokeSpec> postflight;
    Afterwards afterwards = Afterwards::stay;
    int fresh_row = 10; ///< good fresh connections in a row that verify a restored split
    Millis restore_limit{30000}; ///< for those and the driver's read-back together
    Millis driver_limit{15000}; ///< one shift, read back
};

/// Code::config naming the field: unknown version, no stages, stages that fall or repeat, equal
/// revisions, a rate or a limit out of range, a gate id given twice.
[[nodiscard]] Result<void> validate(const Playbook& playbook);

/// Everything that decides what will happen; part of the plan's digest.
[[nodiscard]] Json to_json(const Playbook& playbook);

} // namespace oa_stream::playbook
