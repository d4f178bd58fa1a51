// The typed form of a playbook file, before any live state is read. playbook/file.hpp reads it from
// YAML; the keys are documented in docs/playbooks.md.
#pragma once

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/base/task.hpp"
#include "oa_stream/config/values.hpp"
#include "oa_stream/measure/source_kind.hpp"
#include "oa_stream/traffic/kind.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::playbook {

/// Purpose of a playbook; determines which parts it can have.
enum class Kind {
    steady_state, ///< the weekly verification: checks only
    cutover, ///< shifts the traffic stage by stage and leaves it there
    rollback, ///< shifts all traffic back to stable
    rollback_drill, ///< a cutover with one stage made to fail, to measure the rollback
    smoke_stream, ///< checks only
    smoke_control, ///< checks only
    rehearsal, ///< a cutover that ends with the initial split
};
inline constexpr std::array<std::string_view, 7> k_kind_words{
    "steady-state",
    "cutover",
    "rollback",
    "rollback-drill",
    "smoke-stream",
    "smoke-control",
    "rehearsal",
};
[[nodiscard]] std::string_view to_string(Kind kind) noexcept;
/// A set of kinds, one bit() each.
using KindSet = std::uint32_t;
/// Applying a playbook of this kind writes to the traffic machinery.
[[nodiscard]] bool moves_traffic(Kind kind) noexcept;

// The target
// ---------------------------------------------------------------------------------------

using config::AuthRef;

struct CompatSpec {
    std::string build, protocol, schema;
    friend bool operator==(const CompatSpec&, const CompatSpec&) = default;
};

struct Target {
    std::string base_url{}; ///< without a trailing slash; empty: the playbook brings its own lanes
    std::string control_url{}; ///< URL of the control surface; empty: base_url
    std::optional<AuthRef> auth{};
    std::string revision_header = "x-oa-revision";
    std::optional<CompatSpec> compat{}; ///< unset: the probes' default
    std::string prompt{}; ///< for probes; empty: their default
    std::string ca{}; ///< PEM of trusted authorities; empty: the system's
    std::string cert{}; ///< PEM of our client certificate; empty: none
    std::string key{}; ///< PEM; empty: the key is in `cert`
    /// "Name: value", or for a secret "Name: env:VARIABLE" in the form of net::read_token().
    std::vector<std::string> headers{};
};

// Traffic -----------------------------------------------------------------------------------------

struct Traffic {
    std::string driver; ///< name of a traffic::DriverKind
    std::string stable; ///< revision names
    std::string canary;
    std::string stable_url{}; ///< addresses for pinned probes; empty: determined by the driver
    std::string canary_url{};
    /// Settings of `driver`; null only in playbooks that were not read from a file.
    std::shared_ptr<const traffic::DriverSettings> settings{};

    [[nodiscard]] traffic::Arms arms() const { return {stable, canary, stable_url, canary_url}; }
};
/// The command with which an operator sets `split` without oa-stream; empty without settings.
[[nodiscard]] std::string manual_command(const Traffic& traffic, const traffic::Split& split);

// Objectives --------------------------------------------------------------------------------------

/// Defines bad events by words, or good ones by the time to the first content: exactly one of the
/// two is set.
struct SloSpec {
    std::string name;
    double objective = 0.999; ///< share of good events
    Millis window{};
    std::vector<std::string> bad{}; ///< "http_5xx", "terminal_error", …
    std::optional<double> first_content_s{};
    std::vector<std::string> routes{}; ///< empty: both stream routes
};

// Checks before and after the stages
// ----------------------------------------------------------------

/// The address that a smoke check uses.
enum class Through {
    stable, ///< pinned to the stable revision
    canary, ///< pinned to the canary, whatever its share
    users, ///< as users connect
};
[[nodiscard]] std::string_view to_string(Through through) noexcept;

enum class Surface { stream, control, completions };
[[nodiscard]] std::string_view to_string(Surface surface) noexcept;

struct SmokeSpec {
    std::string id; ///< "preflight.canary"; prefix of its checks' ids
    Through through = Through::users;
    Surface surface = Surface::stream;
    std::string profile{}; ///< for a control smoke: "shell-serving" or "api-only"
    friend bool operator==(const SmokeSpec&, const SmokeSpec&) = default;
};

struct BudgetSpec {
    double consumed_at_most = 0.05; ///< largest share of the error budget, of every SLO
    bool or_stated = false; ///< a stated value is sufficient for a live apply
};

/// Requires that the gates were recently tried on planted faults (`rollback drill --each-gate`).
struct DrilledSpec {
    Millis within{2592000000};
    std::string playbook{}; ///< name of the playbook that has the gates; empty: this one
};

/// A dry run of another playbook, as a check of this one.
struct RehearseSpec {
    std::string file{}; ///< name for messages
    std::string text{};
    std::map<std::string, std::string, std::less<>> set{}; ///< its variables
};

struct ShadowSpec {
    std::vector<std::string> prompts{}; ///< empty: the built-in ones
    double p95_delta_at_most_s = 0.25;
};

// Routes of the web pages
// ----------------------------------------------------------------------------

/// One override of the control service's route split.
struct RouteOverride {
    std::string domain{}; ///< empty: the global override
    std::string target{}; ///< "legacy", "rust", "rollback" or "clear"
};
/// The route half, which never touches the stream lane: changed after everything else succeeded.
struct RoutesSpec {
    std::string control_url{}; ///< empty: that of the target
    std::optional<AuthRef> auth{}; ///< an administrator's token; unset: the target's
    std::vector<RouteOverride> changes{}; ///< in this order; clears come first
    std::vector<std::string> paths{}; ///< evaluated in addition to one path per domain
    int fresh = 5; ///< consecutive fresh connections that must agree
};

// Stages ------------------------------------------------------------------------------------------

/// Both arms are probed at the same rate, pinned; additional unpinned probes only verify the split.
struct ProbeSpec {
    double per_arm_per_s = 2;
    double unpinned_per_s = 2;
};

enum class Then {
    rollback,
    hold, ///< no further step: the run pauses, and the split stays until an operator decides
};
[[nodiscard]] std::string_view to_string(Then then) noexcept;

enum class NoTraffic {
    probe, ///< the run's own samples are used instead
    hold,
};
[[nodiscard]] std::string_view to_string(NoTraffic what) noexcept;

struct StageSpec {
    Millis bake{600000};
    ProbeSpec probe{};
    std::vector<measure::GateSpec> gates;
    /// Length of a second window for gates that could not decide; 0: none.
    Millis extend_at_most{0};
    Then inconclusive_then = Then::rollback;
    NoTraffic on_no_traffic = NoTraffic::probe;
    Millis error_hold_at_most{0}; ///< how long to wait for a failing source
    Then error_then = Then::rollback;
    std::vector<int> pause_after{}; ///< stages after which the run waits for an operator
    Millis pause_at_most{14400000}; ///< limit of every pause, however it was requested
};

struct DrillSpec {
    int fail_at = 25; ///< the stage whose gates fail
    /// Planted in the canary there: "error-rate=0.2"; empty: the stage is declared failed.
    std::string fault{};
    Millis recover_within{60000}; ///< limit until users are served only by stable again
};

/// What must happen to conversations when users reach the other revision.
enum class Continuity {
    /// They continue there: checked before anything moves, at each stage, after a rollback.
    required,
    new_threads_only, ///< they are left behind, for a reason that the playbook states
};
inline constexpr std::array<std::string_view, 2> k_continuity_words{"required", "new-threads-only"};

/// The events that a hook can receive.
enum class HookEvent {
    run_begins,
    before_stage, ///< before a stage's traffic is shifted: the only event that a hook can refuse
    stage_ended,
    paused,
    rollback_begins,
    rollback_ended,
    run_ended,
};
inline constexpr std::array<std::string_view, 7> k_hook_words{
    "run-begins",
    "before-stage",
    "stage-ended",
    "paused",
    "rollback-begins",
    "rollback-ended",
    "run-ended",
};
/// A receiver of a run's events: a program or a web server.
struct HookSpec {
    std::string id{}; ///< unique
    std::vector<std::string> run{}; ///< program and arguments; empty: a webhook
    /// Names of environment variables that the program also receives.
    std::vector<std::string> env{};
    std::string webhook{}; ///< URL; empty with `webhook_from`
    std::optional<AuthRef> webhook_from{}; ///< reference to a secret URL
    std::optional<AuthRef> key{}; ///< key that signs a webhook's requests
    std::string ca{}; ///< PEM of authorities trusted for the web server; empty: the system's
    std::vector<std::string> on{}; ///< words of k_hook_words; empty: all but before_stage
    Millis timeout{30000}; ///< for one event, retries included
    bool required = false; ///< before_stage: the stage only begins if this hook succeeds
};
[[nodiscard]] bool is_notified(const HookSpec& hook, HookEvent event) noexcept;

enum class Afterwards {
    stay, ///< the last stage's split stays: a cutover
    restore, ///< ends with the initial split, verified: a rehearsal
};

struct Playbook {
    int version = 1;
    Kind kind = Kind::rehearsal;
    std::string name;
    std::string summary{}; ///< one sentence
    Target target{};
    Traffic traffic{};
    std::vector<SloSpec> slo{};
    std::vector<measure::SettingsPtr> sources{};
    std::vector<SmokeSpec> preflight{}; ///< holds `checks` of kinds that only check
    std::optional<RehearseSpec> rehearse{}; ///< runs after the smokes
    std::optional<BudgetSpec> budget{}; ///< judged before the first stage
    std::optional<DrilledSpec> drilled{}; ///< checked before the first stage
    std::vector<int> stages{}; ///< the canary's percent: strictly rising, 0–100
    StageSpec stage{};
    /// Judged once on the canary's samples of all stages together, before the postflight. Pooling
    /// is sound because a failed stage ends the run: the pooled samples never contain a known
    /// breach.
    std::vector<measure::GateSpec> run_gates{};
    std::vector<SmokeSpec> postflight{};
    std::optional<ShadowSpec> shadow{}; ///< runs after the postflight's smokes
    std::optional<RoutesSpec> routes{}; ///< cutover and rollback; after everything else
    Then on_failure = Then::rollback;
    Millis rollback_ramp{0}; ///< 0: at once
    /// Largest number of ramp steps; the last is the baseline.
    static constexpr int k_ramp_steps = 5;
    std::optional<DrillSpec> drill{};
    /// Unset: not checked. Always set in a cutover that was read from a file.
    std::optional<Continuity> continuity{};
    std::string continuity_reason{}; ///< why new-threads-only is acceptable
    Afterwards afterwards = Afterwards::stay; ///< follows from the kind
    int fresh_row = 10; ///< consecutive good fresh connections that verify a restored split
    /// Limit for the write until it is read back, and again for the fresh connections.
    Millis restore_limit{30000};
    Millis driver_limit{15000}; ///< limit for one shift, including read-back
    Millis validity{7200000}; ///< how long a plan may be applied
    std::vector<HookSpec> hooks{};
    /// Operators who must agree to the plan; the one who applies it counts as the first.
    int approvals = 1;
};

/// The playbook starts two lanes and a front door on this machine: a rehearsal or a drill that
/// names neither.
[[nodiscard]] bool brings_its_own_lanes(const Playbook& playbook) noexcept;

/// Gives each spike gate the counts that the sources state; called after a file was read.
void link_readings(Playbook& playbook);

/// The source that judges a gate: the one it names, otherwise the first of `sources` that can
/// measure it; nullptr when none can.
[[nodiscard]] const measure::SourceSettings*
judging_source(const Playbook& playbook, const measure::GateSpec& gate);
/// The kind that judges a gate: its source, otherwise the run's own probes, or for a spike the
/// stated numbers.
[[nodiscard]] const measure::SourceKind&
judged_by(const Playbook& playbook, const measure::GateSpec& gate);
/// Judged on users' requests, which a source measures, not on the run's own.
[[nodiscard]] bool judged_by_users(const Playbook& playbook, const measure::GateSpec& gate);
/// The stated numbers; nullptr when the playbook has no such source.
[[nodiscard]] const measure::StatedNumbers* stated_numbers(const Playbook& playbook) noexcept;

/// The last stage's split is serving already: repeating a cutover's stages requires a stated
/// reason.
[[nodiscard]] bool is_over(const Playbook& playbook, const traffic::Split& serving);
[[nodiscard]] inline bool is_last(const Playbook& playbook, int percent) noexcept {
    return !playbook.stages.empty() && percent == playbook.stages.back();
}

/// The playbook has stages, but no gate of a stage or of the whole run decides: it continues
/// whatever the canary does. Allowed, as a way to begin, but never a PASS.
[[nodiscard]] bool no_gate_decides(const Playbook& playbook) noexcept;

/// All errors, Code::config, `where` = the key ("stage.gates[1].confidence"): unknown version,
/// stages that fall or repeat, equal revisions, a rate or a limit out of range, a duplicate id,
/// parts that require each other.
[[nodiscard]] std::vector<Error> problems_of(const Playbook& playbook);
/// Returns the first of these errors.
[[nodiscard]] Result<void> validate(const Playbook& playbook);

/// Everything that determines what will happen; part of the plan's digest.
[[nodiscard]] Json to_json(const Playbook& playbook);

} // namespace oa_stream::playbook
