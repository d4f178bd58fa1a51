// The plan: the steps that will be carried out, derived from the live state.
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
    std::string title; ///< one line for display
    std::optional<traffic::Split> before{}; ///< shift and restore
    std::optional<traffic::Split> after{};
    std::string undo{}; ///< how to undo it; empty when nothing needs undoing
    std::vector<std::string> evidence{}; ///< files of the run folder that it writes to
    int stage = -1;                     ///< index into Playbook::stages
    int item = -1;                      ///< index of the smoke or gate in its list
    /// Belongs to a stage, after its shift.
    [[nodiscard]] bool in_stage() const noexcept { return stage >= 0 && kind != StepKind::shift; }
    /// Changes what serves users.
    [[nodiscard]] bool mutates() const noexcept { return before && after && !(*before == *after); }
};

/// The file that a plan was made from: enough to read it again.
struct PlanSource {
    std::string file; ///< name for messages
    std::string text;
    config::Values set{}; ///< --set; never a secret
};

/// What was observed while the plan was made, apart from the split.
struct PlanFacts {
    std::string created_at{};          ///< RFC 3339
    std::string etag{}; ///< for display; a new etag alone is not drift
    Json exact = nullptr; ///< the machinery's whole setting, see traffic::TrafficState
    Json revisions = Json::object(); ///< revision → what distinguishes its builds
    Json trials = Json::array(); ///< result of trying each gate against stable
    std::vector<std::string> warnings{}; ///< warnings about the observations
    /// The result of trying the continuity check, {"verdict", "detail"}, or with new-threads-only
    /// the number of conversations left behind, {"threads"}; null when neither was tried.
    Json continuity = nullptr;
    /// Author, {"account", "host"}; null where one operator is enough.
    Json author = nullptr;
    /// The observed route split and the intended writes; null without a route half.
    Json routes = nullptr;
    /// When the gates were last tried on planted faults, {"at", "run", "text"}; null: never.
    Json drilled = nullptr;
    /// The playbook requires a more recent trial, so apply will stop; not stored.
    bool undrilled = false;
    bool probes = true; ///< false: planned with GET requests only
};

struct Plan {
    std::string id; ///< SHA-256 of the canonical JSON of everything below
    [[nodiscard]] std::string short_id() const { return id.substr(0, 12); } ///< for display
    Playbook playbook;
    std::string driver;
    std::string target;
    /// The split that served when the plan was made, and that a rollback restores.
    traffic::Split baseline;
    /// The split requested last, when it differs from the baseline: only a rollback can begin from
    /// such a state.
    std::optional<traffic::Split> requested{};
    std::vector<Step> steps;
    std::vector<std::string> warnings{};
    std::optional<PlanSource> source{}; ///< unset for playbooks that were not read from a file
    PlanFacts facts{};
    /// The split that a rollback leads to: the baseline, or stable alone for a playbook that rolls
    /// back.
    [[nodiscard]] traffic::Split home() const;
    /// The machinery's whole setting at home(); null: the split is sufficient.
    [[nodiscard]] Json home_exact() const;
    /// Applying it changes what serves users.
    [[nodiscard]] bool changes() const noexcept;
};

/// Code::precondition when the serving split is not the one last written, when the write has not
/// settled, or when the baseline gives traffic to revisions other than stable and canary or gives
/// the canary more than the first stage.
[[nodiscard]] Result<Plan> make_plan(
    Playbook playbook, std::string driver, std::string target, const traffic::TrafficState& live
);

/// The same for a file, with the observations; both are part of the plan's id.
[[nodiscard]] Result<Plan> make_plan(
    Playbook playbook,
    std::string driver,
    std::string target,
    const traffic::TrafficState& live,
    PlanSource source,
    PlanFacts facts
);

/// The content of plan.json.
[[nodiscard]] Json to_json(const Plan& plan);

} // namespace oa_stream::playbook
