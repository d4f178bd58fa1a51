// What is to be done, before anything is looked at: the typed form of a playbook file.
// Read from YAML by playbook/file.hpp; the files' keys are those of docs/playbooks.md.
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

/// What a playbook is for; decides which of its parts there are.
enum class Kind {
    steady_state,   ///< the weekly verification: checks only
    cutover,        ///< moves the traffic stage by stage and stays there
    rollback,       ///< moves all of it back to stable
    rollback_drill, ///< a cutover made to fail at one stage, to measure the rollback
    smoke_stream,   ///< checks only
    smoke_control,  ///< checks only
    rehearsal,      ///< a cutover that ends where it began
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
/// Some kinds, a bit() each.
using KindSet = std::uint32_t;
/// Writes to the traffic machinery when it is applied.
[[nodiscard]] bool moves_traffic(Kind kind) noexcept;

// Who is looked at
// ---------------------------------------------------------------------------------

using config::AuthRef;

struct CompatSpec {
    std::string build, protocol, schema;
    friend bool operator==(const CompatSpec&, const CompatSpec&) = default;
};

struct Target {
    std::string base_url{}; ///< without a trailing slash; empty: the playbook brings its own
    std::string control_url{}; ///< of the control surface; empty: base_url
    std::optional<AuthRef> auth{};
    std::string revision_header = "x-oa-revision";
    std::optional<CompatSpec> compat{}; ///< unset: what the probes send by default
    std::string prompt{};               ///< of probes; empty: theirs
    std::string ca{}; ///< PEM of who signs for it; empty: the system's
    std::string cert{}; ///< PEM, shown to it; empty: none
    std::string key{}; ///< PEM; empty: it stands in `cert`
    /// "Name: value", or for a secret "Name: env:VARIABLE" as net::read_token() takes it.
    std::vector<std::string> headers{};
};

// What moves the traffic
// ---------------------------------------------------------------------------

struct Traffic {
    std::string driver; ///< name of a traffic::DriverKind
    std::string stable; ///< revision names
    std::string canary;
    std::string stable_url{}; ///< how pinned probes reach them; empty: as the driver says
    std::string canary_url{};
    /// Of `driver`; null only in playbooks that were not read from a file.
    std::shared_ptr<const traffic::DriverSettings> settings{};

    [[nodiscard]] traffic::Arms arms() const { return {stable, canary, stable_url, canary_url}; }
};
/// What a person types to bring `split` about without oa-stream; empty without settings.
[[nodiscard]] std::string manual_command(const Traffic& traffic, const traffic::Split& split);

// What is measured
// ---------------------------------------------------------------------------------

/// Bad events by words, or good ones by a time to the first content: exactly one of both is set.
struct SloSpec {
    std::string name;
    double objective = 0.999; ///< share of good events
    Millis window{};
    std::vector<std::string> bad{}; ///< "http_5xx", "terminal_error", …
    std::optional<double> first_content_s{};
    std::vector<std::string> routes{}; ///< empty: both stream routes
};

// What is checked before and after
// -----------------------------------------------------------------

/// Whose door a smoke knocks at.
enum class Through {
    stable, ///< pinned to the stable revision
    canary, ///< pinned to the canary, whatever its share
    users, ///< as everybody comes in
};
[[nodiscard]] std::string_view to_string(Through through) noexcept;

enum class Surface { stream, control, completions };
[[nodiscard]] std::string_view to_string(Surface surface) noexcept;

struct SmokeSpec {
    std::string id; ///< "preflight.canary"; prefix of its checks' ids
    Through through = Through::users;
    Surface surface = Surface::stream;
    std::string profile{}; ///< of a control smoke: "shell-serving" or "api-only"
    friend bool operator==(const SmokeSpec&, const SmokeSpec&) = default;
};

struct BudgetSpec {
    double consumed_at_most = 0.05; ///< share of the error budget, of every SLO
    bool or_stated = false; ///< what somebody states is enough for a live apply
};

/// The gates must have been tried on planted faults lately (`rollback drill --each-gate`).
struct DrilledSpec {
    Millis within{2592000000};
    std::string playbook{}; ///< name of the playbook with the gates; empty: this one
};

/// A dry run of another playbook as a check of this one.
struct RehearseSpec {
    std::string file{}; ///< as in messages
    std::string text{};
    std::map<std::string, std::string, std::less<>> set{}; ///< its variables
};

struct ShadowSpec {
    std::vector<std::string> prompts{}; ///< empty: those built in
    double p95_delta_at_most_s = 0.25;
};

// What the web pages do
// -----------------------------------------------------------------------------

/// One override of the control service's route split.
struct RouteOverride {
    std::string domain{}; ///< empty: the global one
    std::string target{}; ///< "legacy", "rust", "rollback" or "clear"
};
/// The route half, which never touches the stream lane: changed when everything else went well.
struct RoutesSpec {
    std::string control_url{}; ///< empty: the target's
    std::optional<AuthRef> auth{}; ///< an administrator's; unset: the target's
    std::vector<RouteOverride> changes{}; ///< in this order; clears come first
    std::vector<std::string> paths{}; ///< evaluated besides one of each domain
    int fresh = 5; ///< successive fresh connections that must agree
};

// What happens at each stage
// -----------------------------------------------------------------------

/// Both arms are probed at the same rate, pinned; unpinned probes come on top and only verify the
/// split.
struct ProbeSpec {
    double per_arm_per_s = 2;
    double unpinned_per_s = 2;
};

enum class Then {
    rollback,
    hold, ///< no further step: the run is paused, and the split stays until somebody decides
};
[[nodiscard]] std::string_view to_string(Then then) noexcept;

enum class NoTraffic {
    probe, ///< the run's own samples fill in
    hold,
};
[[nodiscard]] std::string_view to_string(NoTraffic what) noexcept;

struct StageSpec {
    Millis bake{600000};
    ProbeSpec probe{};
    std::vector<measure::GateSpec> gates;
    Millis extend_at_most{0}; ///< a second window for gates that could not decide; 0: none
    Then inconclusive_then = Then::rollback;
    NoTraffic on_no_traffic = NoTraffic::probe;
    Millis error_hold_at_most{0}; ///< how long a source that fails is waited for
    Then error_then = Then::rollback;
    std::vector<int> pause_after{}; ///< stages after which the run waits for a person
    Millis pause_at_most{14400000}; ///< every pause, whoever asked for it
};

struct DrillSpec {
    int fail_at = 25; ///< the stage whose gates fail
    std::string fault{}; ///< planted in the canary there: "error-rate=0.2"; empty: it is ruled so
    Millis recover_within{60000}; ///< users see nothing but stable again
};

/// What must become of conversations when users meet the other revision.
enum class Continuity {
    required, ///< they go on: checked before anything moves, at each stage, after a rollback
    new_threads_only, ///< they stay behind, for a reason that the playbook gives
};
inline constexpr std::array<std::string_view, 2> k_continuity_words{"required", "new-threads-only"};

/// The events that a hook can get.
enum class HookEvent {
    run_begins,
    before_stage, ///< before the traffic of a stage is moved: the one that a hook can refuse
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
/// What gets a run's events: a program, or a web server.
struct HookSpec {
    std::string id{}; ///< unique
    std::vector<std::string> run{}; ///< program and arguments; empty: a webhook
    std::vector<std::string> env{}; ///< variables of ours that the program gets besides the usual
    std::string webhook{}; ///< URL; empty with `webhook_from`
    std::optional<AuthRef> webhook_from{}; ///< a URL that is a secret
    std::optional<AuthRef> key{}; ///< signs what a webhook gets
    std::string ca{}; ///< PEM, of who signs for the web server; empty: the system's
    std::vector<std::string> on{}; ///< of k_hook_words; empty: all but before_stage
    Millis timeout{30000}; ///< of one event, tries included
    bool required = false; ///< before_stage: no success, no stage
};
[[nodiscard]] bool is_notified(const HookSpec& hook, HookEvent event) noexcept;

enum class Afterwards {
    stay, ///< the last stage's split stays: a cutover
    restore, ///< ends where it began, verified: a rehearsal
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
    std::vector<SmokeSpec> preflight{}; ///< `checks` of kinds that only check
    std::optional<RehearseSpec> rehearse{}; ///< after the smokes
    std::optional<BudgetSpec> budget{}; ///< judged before the first stage
    std::optional<DrilledSpec> drilled{}; ///< looked up before the first stage
    std::vector<int> stages{}; ///< canary's percent: strictly rising, 0–100
    StageSpec stage{};
    /// Judged once on the canary's samples of all stages together, before the postflight.
    /// Legitimate because a stage that failed ended the run: what is pooled never contains a known
    /// breach.
    std::vector<measure::GateSpec> run_gates{};
    std::vector<SmokeSpec> postflight{};
    std::optional<ShadowSpec> shadow{}; ///< after the postflight's smokes
    std::optional<RoutesSpec> routes{}; ///< cutover and rollback; after everything else
    Then on_failure = Then::rollback;
    Millis rollback_ramp{0}; ///< 0: at once
    static constexpr int k_ramp_steps = 5; ///< at most, the last of them the baseline
    std::optional<DrillSpec> drill{};
    /// Unset: not looked at. A cutover read from a file has it.
    std::optional<Continuity> continuity{};
    std::string continuity_reason{}; ///< why new-threads-only is acceptable
    Afterwards afterwards = Afterwards::stay; ///< follows from the kind
    int fresh_row = 10; ///< good fresh connections in a row that verify a restored split
    Millis restore_limit{30000}; ///< for the write until it is read back, then for those
    Millis driver_limit{15000}; ///< one shift, read back
    Millis validity{7200000}; ///< how long a plan may be applied
    std::vector<HookSpec> hooks{};
    int approvals = 1; ///< operators who agree to the plan; the one who applies it is the first
};

/// Two lanes and a front door on this machine belong to it: a rehearsal, or a drill that names
/// neither a door nor a lane.
[[nodiscard]] bool brings_its_own_lanes(const Playbook& playbook) noexcept;

/// Gives each gate on a spike what the sources state; called when a file was read.
void link_readings(Playbook& playbook);

/// The source that judges a gate: the one it names, else the first of `sources` that can measure
/// it; nullptr when none of them does.
[[nodiscard]] const measure::SourceSettings*
judging_source(const Playbook& playbook, const measure::GateSpec& gate);
/// Who judges a gate: its source, else the run's own probes, and of a spike what somebody stated.
[[nodiscard]] const measure::SourceKind&
judged_by(const Playbook& playbook, const measure::GateSpec& gate);
/// By the requests of users, which a source measures and not the run itself.
[[nodiscard]] bool judged_by_users(const Playbook& playbook, const measure::GateSpec& gate);
/// What somebody typed; nullptr when the playbook has no such source.
[[nodiscard]] const measure::StatedNumbers* stated_numbers(const Playbook& playbook) noexcept;

/// The split of its last stage serves already: only a stated reason walks a cutover's stages again.
[[nodiscard]] bool is_over(const Playbook& playbook, const traffic::Split& serving);
[[nodiscard]] inline bool is_last(const Playbook& playbook, int percent) noexcept {
    return !playbook.stages.empty() && percent == playbook.stages.back();
}

/// It has stages, and none of its gates decides anything, neither of a stage nor of the whole run:
/// whatever the canary does, it goes on. Allowed, as a way to begin, and never PASS.
[[nodiscard]] bool no_gate_decides(const Playbook& playbook) noexcept;

/// Everything that makes no sense, Code::config, `where` = the key ("stage.gates[1].confidence"):
/// unknown version, stages that fall or repeat, equal revisions, a rate or a limit out of range, an
/// id given twice, parts that need each other.
[[nodiscard]] std::vector<Error> problems_of(const Playbook& playbook);
/// The first of them.
[[nodiscard]] Result<void> validate(const Playbook& playbook);

/// Everything that decides what will happen; part of the plan's digest.
[[nodiscard]] Json to_json(const Playbook& playbook);

} // namespace oa_stream::playbook
