// What will be done, step by step, once the live state is known.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/config/variables.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/traffic/driver.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

enum class StepKind {
    smoke,
    budget,
    shift,
    probe,
    gate,
    restore,
    shadow,
    continuity,
    drilled,
    rehearse
};
[[nodiscard]] std::string_view to_string(StepKind kind) noexcept;

struct Step {
    std::string id; ///< "shift@5%"
    StepKind kind = StepKind::smoke;
    std::string title;                      ///< one line for people
    std::optional<traffic::Split> before{}; ///< shift and restore
    std::optional<traffic::Split> after{};
    std::string undo{};                 ///< what undoes it; empty when nothing has to
    std::vector<std::string> evidence{}; ///< files of the run folder it writes to
    int stage = -1;                     ///< index into Playbook::stages
    int item = -1;                      ///< index of the smoke or gate in its list
    /// Belongs to a stage after its shift.
    [[nodiscard]] bool in_stage() const noexcept { return stage >= 0 && kind != StepKind::shift; }
    /// Changes what serves users.
    [[nodiscard]] bool mutates() const noexcept { return before && after && !(*before == *after); }
};

/// The file a plan was made from: enough to read it again.
struct PlanSource {
    std::string file; ///< as in messages
    std::string text;
    config::Values set{}; ///< --set; never a secret
};

/// What was seen when a plan was made, besides the split.
struct PlanFacts {
    std::string created_at{};          ///< RFC 3339
    std::string etag{};                ///< shown to people; a new one alone is not drift
    Json exact = nullptr;              ///< the whole setting, see traffic::TrafficState
    Json revisions = Json::object();   ///< revision → what distinguishes its builds
    Json trials = Json::array();        ///< each gate tried against stable
    std::vector<std::string> warnings{}; ///< by what was seen
    /// The continuity check tried once, {"verdict", "detail"}, or with new-threads-only how many
    /// conversations stay behind, {"threads"}; null when neither was looked at.
    Json continuity = nullptr;
    /// Who made it, {"account", "host"}; null where one operator is enough.
    Json author = nullptr;
    /// The route split as it was seen and what would be written there; null without a route half.
    Json routes = nullptr;
    /// When the gates were last tried on planted faults, {"at", "run", "text"}; null: never.
    Json drilled = nullptr;
    bool undrilled = false; ///< the playbook requires a newer one, so apply will stop; not stored
    bool probes = true; ///< false: planned with GET requests alone
};

struct Plan {
    std::string id; ///< SHA-256 of the canonical JSON of everything below
    [[nodiscard]] std::string short_id() const { return id.substr(0, 12); } ///< for a person
    Playbook playbook;
    std::string driver;
    std::string target;
    traffic::Split baseline; ///< what served when the plan was made, and what a rollback restores
    /// Requested last, where that is not the baseline: only a rollback begins from such a state.
    std::optional<traffic::Split> requested{};
    std::vector<Step> steps;
    std::vector<std::string> warnings{};
    std::optional<PlanSource> source{}; ///< unset for playbooks that come from no file
    PlanFacts facts{};
    /// Where a rollback leads: the baseline, or stable alone for a playbook that rolls back.
    [[nodiscard]] traffic::Split home() const;
    /// The machinery's whole setting there; null: the split says it all.
    [[nodiscard]] Json home_exact() const;
    /// Changes what serves users when it is applied.
    [[nodiscard]] bool changes() const noexcept;
};

/// Code::precondition when what serves is not what was last written, when the write has not
/// settled, or when the baseline gives traffic to others than stable and canary or a share above
/// the first stage to the canary.
[[nodiscard]] Result<Plan> make_plan(
    Playbook playbook, std::string driver, std::string target, const traffic::TrafficState& live
);

/// The same of a file, with what else was seen; both are part of its id.
[[nodiscard]] Result<Plan> make_plan(
    Playbook playbook,
    std::string driver,
    std::string target,
    const traffic::TrafficState& live,
    PlanSource source,
    PlanFacts facts
);

/// plan.json
[[nodiscard]] Json to_json(const Plan& plan);

} // namespace oa_stream::playbook
