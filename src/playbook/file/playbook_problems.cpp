// Finds all errors in a playbook.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/matchers.hpp"
#include "oa_stream/playbook/fault.hpp"
#include "oa_stream/playbook/playbook.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include "words.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

namespace oa_stream::playbook {
namespace {

constexpr double k_max_rate = 1000;
constexpr std::size_t k_longest_name = 200;

/// UTF-8 without control characters, including the two-byte ones, which some terminals obey.
bool is_plain(std::string_view text) {
    unsigned char before = 0;
    for (const char one : text) {
        const auto c = static_cast<unsigned char>(one);
        if (c < 0x20 || c == 0x7f || (before == 0xc2 && c < 0xa0)) {
            return false;
        }
        before = c;
    }
    return text.size() <= k_longest_name && !invalid_utf8(text);
}

class PlaybookCheck {
public:
    explicit PlaybookCheck(const Playbook& playbook) : playbook_(playbook) {}

    std::vector<Error> all() {
        if (playbook_.version != 1) {
            bad("version", fmt::format("version {} is unknown, this is 1", playbook_.version));
        }
        target();
        if (moves_traffic(playbook_.kind)) {
            traffic();
            limits();
        }
        if (moves_traffic(playbook_.kind) && playbook_.kind != Kind::rollback) {
            stages();
            stage();
        }
        names();
        continuity();
        smokes();
        measures();
        if (playbook_.drill) {
            drill(*playbook_.drill);
        }
        if (playbook_.routes) {
            routes(*playbook_.routes);
        }
        for (Error& problem : hook_problems(playbook_.hooks)) {
            out_.push_back(std::move(problem));
        }
        return std::move(out_);
    }

private:
    void bad(std::string_view key, std::string message, Advice hint = {}) {
        out_.push_back({Code::config, std::move(message), std::string(key), std::move(hint)});
    }

    /// Names are shown on terminals and used in file names.
    void names() {
        const Traffic& traffic = playbook_.traffic;
        const std::array<std::pair<std::string_view, const std::string&>, 3> all{
            {{"name", playbook_.name},
             {"traffic.stable", traffic.stable},
             {"traffic.canary", traffic.canary}}
        };
        for (const auto& [key, text] : all) {
            if (!is_plain(text)) {
                bad(key,
                    fmt::format(
                        "'{}' must be at most {} printable characters",
                        printable(text, 40),
                        k_longest_name
                    ));
            }
        }
    }

    void continuity() {
        const bool left_behind = playbook_.continuity == Continuity::new_threads_only;
        if (left_behind && playbook_.continuity_reason.empty()) {
            bad("continuity",
                "new-threads-only needs a continuity_reason: users lose their conversations");
        }
        if (!left_behind && !playbook_.continuity_reason.empty()) {
            bad("continuity_reason", "only new-threads-only takes a reason");
        }
    }

    void url(std::string_view key, std::string_view text) {
        if (auto checked = config::check_url(key, text); !checked) {
            out_.push_back(std::move(checked).error());
        }
    }

    void target() {
        const Target& target = playbook_.target;
        if (target.base_url.empty() && !brings_its_own_lanes(playbook_)) {
            bad("target", "base_url is missing, expected a text");
        }
        url("target.base_url", target.base_url);
        url("target.control_url", target.control_url);
        if (!target.key.empty() && target.cert.empty()) {
            bad("target.key", "a key needs its certificate", "add cert");
        }
    }

    void traffic() {
        const Traffic& traffic = playbook_.traffic;
        if (traffic.stable.empty() || traffic.canary.empty() || traffic.stable == traffic.canary) {
            bad("traffic", "stable and canary must be two named revisions");
        }
        url("traffic.stable_url", traffic.stable_url);
        url("traffic.canary_url", traffic.canary_url);
        if (traffic.settings == nullptr) {
            return;
        }
        std::ranges::move(traffic.settings->problems(traffic.arms()), std::back_inserter(out_));
        if (traffic.settings->names_none() && !brings_its_own_lanes(playbook_)) {
            bad("traffic", "socket is missing: only a rehearsal brings its own front door");
        }
    }

    void limits() {
        if (playbook_.fresh_row < 1) {
            bad("limits.fresh_row", "must be above 0");
        }
        if (playbook_.restore_limit <= Millis(0) || playbook_.driver_limit <= Millis(0)) {
            bad("limits", "restore and shift must be above 0");
        }
        if (playbook_.validity <= Millis(0)) {
            bad("validity", "a plan must be valid for some time");
        }
    }

    void stages() {
        if (playbook_.stages.empty()) {
            bad("stages", "at least one stage is needed");
        }
        int before = -1;
        for (const int percent : playbook_.stages) {
            if (percent <= before || percent > 100) {
                bad("stages",
                    fmt::format("{}% after {}%: must rise, within 0–100%", percent, before));
                return;
            }
            before = percent;
        }
    }

    void stage() {
        const StageSpec& stage = playbook_.stage;
        if (stage.bake <= Millis(0)) {
            bad("stage.bake", "must be above 0");
        }
        const auto in_range = [](double rate) { return rate >= 0 && rate <= k_max_rate; };
        if (!in_range(stage.probe.per_arm_per_s)) {
            bad("stage.probe.rate", "a rate must lie within 0 and 1000 a second");
        }
        if (!in_range(stage.probe.unpinned_per_s)) {
            bad("stage.probe.unpinned", "a rate must lie within 0 and 1000 a second");
        }
        if (stage.extend_at_most < Millis(0) || stage.error_hold_at_most < Millis(0)) {
            bad("stage", "a time must not be negative");
        }
        pauses(stage);
        gates("stage.gates", stage.gates);
        gates("run_gates", playbook_.run_gates);
        measured(stage);
    }

    void pauses(const StageSpec& stage) {
        if (stage.pause_at_most <= Millis(0)) {
            bad("stage.pause.at_most", "must be above 0");
        }
        if (playbook_.drill && !stage.pause_after.empty()) {
            bad("stage.pause.after", "a drill measures times: it does not wait for a person");
        }
        for (const int percent : stage.pause_after) {
            if (!contains(playbook_.stages, percent)) {
                bad("stage.pause.after", fmt::format("{}% is not a stage", percent));
            }
        }
    }

    void gates(std::string_view list, const std::vector<measure::GateSpec>& gates) {
        std::set<std::string, std::less<>> ids;
        for (std::size_t i = 0; i < gates.size(); ++i) {
            const measure::GateSpec& gate = gates[i];
            const std::string key = fmt::format("{}[{}]", list, i);
            if (gate.id.empty() || !ids.insert(gate.id).second) {
                bad(key,
                    fmt::format("gate id '{}' is empty or given twice", gate.id),
                    "give each an id");
            }
            if (!(gate.confidence > 0.5 && gate.confidence < 1)) {
                bad(key + ".confidence",
                    fmt::format("gate {}: confidence must lie between 50% and 100%", gate.id));
            }
            from(key, gate);
            const bool share = gate.metric == measure::Metric::bad_rate;
            const bool may_fall = gate.metric == measure::Metric::expression && gate.at_least;
            if (!(gate.limit >= (may_fall ? -1 : 0)) || (share && gate.limit >= 1)) {
                bad(key + ".at_most", fmt::format("gate {}: limit is out of range", gate.id));
            }
        }
    }

    /// A gate on probes requires probes: otherwise each stage would wait in vain and end
    /// INCONCLUSIVE.
    void measured(const StageSpec& stage) {
        if (stage.probe.per_arm_per_s != 0) {
            return;
        }
        const auto gate = std::ranges::find_if(stage.gates, [&](const measure::GateSpec& one) {
            return judged_by(playbook_, one).counted == measure::Counted::probes;
        });
        if (gate != stage.gates.end()) {
            bad("stage.probe.rate",
                fmt::format("gate {} judges probes, and at 0/s there are none", gate->id),
                "rate: 2/s");
        }
    }

    /// The source that a gate names must exist and be able to judge it.
    void from(const std::string& key, const measure::GateSpec& gate) {
        const auto* kind = measure::source_kind(gate.from);
        if (kind == nullptr) {
            if (judged_by(playbook_, gate).counted == measure::Counted::stated &&
                gate.metric != measure::Metric::spike) {
                bad(key,
                    fmt::format("gate {}: no source of the playbook can measure it", gate.id),
                    gate.metric == measure::Metric::expression ? "sources: [ prometheus: … ]"
                                                               : "sources: [ access_log: … ]");
            }
            return;
        }
        if (!kind->place.empty() &&
            std::ranges::none_of(playbook_.sources, [&](const auto& source) {
                return &source->kind() == kind;
            })) {
            bad(key + ".source",
                fmt::format("gate {}: {} is not among the sources", gate.id, gate.from));
        } else if (const auto why = kind->refusal(gate)) {
            bad(key + "." + why->where, fmt::format("gate {}: {}", gate.id, why->message), why->hint
            );
        }
    }

    void smokes() {
        const std::string_view before = moves_traffic(playbook_.kind) ? "preflight" : "checks";
        if (!moves_traffic(playbook_.kind) && playbook_.preflight.empty() && !playbook_.budget &&
            !playbook_.drilled) {
            bad(before, "at least one check is needed");
        }
        std::set<std::string, std::less<>> ids;
        const auto list = [&](std::string_view key, const std::vector<SmokeSpec>& smokes) {
            for (const SmokeSpec& smoke : smokes) {
                if (smoke.id.empty() || !ids.insert(smoke.id).second) {
                    bad(key,
                        fmt::format("check id '{}' is empty or given twice", smoke.id),
                        "give each an id");
                }
                if (smoke.through != Through::users && !moves_traffic(playbook_.kind)) {
                    bad(key,
                        fmt::format(
                            "{}: only a playbook with traffic has a {}",
                            smoke.id,
                            to_string(smoke.through)
                        ));
                }
            }
        };
        list(before, playbook_.preflight);
        list("postflight", playbook_.postflight);
    }

    void measures() {
        std::set<std::string, std::less<>> names;
        for (std::size_t i = 0; i < playbook_.slo.size(); ++i) {
            const SloSpec& slo = playbook_.slo[i];
            const std::string key = fmt::format("slo[{}]", i);
            if (!names.insert(slo.name).second) {
                bad(key, fmt::format("slo '{}' is given twice", slo.name));
            }
            if (!(slo.objective > 0.5 && slo.objective < 1)) {
                bad(key + ".objective", "an objective is between 50% and 100%");
            }
        }
        if (playbook_.budget && playbook_.slo.empty()) {
            bad(moves_traffic(playbook_.kind) ? "preflight" : "checks",
                "a budget needs an slo whose budget it is");
        }
        std::set<std::string_view> kinds;
        for (std::size_t i = 0; i < playbook_.sources.size(); ++i) {
            source(fmt::format("sources[{}]", i), *playbook_.sources[i], kinds);
        }
    }

    void source(
        const std::string& key,
        const measure::SourceSettings& source,
        std::set<std::string_view>& kinds
    ) {
        const std::string_view name = source.kind().name();
        if (!kinds.insert(name).second) {
            bad(key, fmt::format("source {} is given twice", name));
        }
        for (Error& problem : source.problems()) {
            problem.where =
                problem.where.empty() ? key : fmt::format("{}.{}.{}", key, name, problem.where);
            out_.push_back(std::move(problem));
        }
    }

    void routes(const RoutesSpec& routes) {
        url("routes.control_url", routes.control_url);
        if (routes.changes.empty()) {
            bad("routes", "nothing to set and nothing to clear");
        }
        std::set<std::string, std::less<>> domains;
        for (const RouteOverride& change : routes.changes) {
            if (!domains.insert(change.domain).second) {
                bad("routes",
                    fmt::format(
                        "{} is given twice",
                        change.domain.empty() ? "the global override" : change.domain
                    ));
            }
        }
        for (std::size_t i = 0; i < routes.paths.size(); ++i) {
            const std::string& path = routes.paths[i];
            if (!path.starts_with('/') && !path.starts_with("${")) {
                bad(fmt::format("routes.paths[{}]", i), "a path begins with /");
            }
        }
    }

    void drill(const DrillSpec& drill) {
        if (!contains(playbook_.stages, drill.fail_at)) {
            bad("drill.fail_at", fmt::format("{}% is not a stage", drill.fail_at));
        }
        if (!(playbook_.stage.probe.unpinned_per_s > 0)) {
            bad("stage.probe.unpinned", "a drill watches users: their rate must be above 0");
        }
        if (drill.recover_within <= Millis(0)) {
            bad("drill.recover_within", "must be above 0");
        }
        if (drill.fault.empty() || drill.fault.contains("${")) {
            return;
        }
        const auto fault = parse_fault(fmt::format("{}@{}%", drill.fault, drill.fail_at));
        if (!fault) {
            bad("drill.fault", fault.error().message, fault.error().hint);
        }
    }

    const Playbook& playbook_;
    std::vector<Error> out_;
};

} // namespace

std::vector<Error> problems_of(const Playbook& playbook) {
    return PlaybookCheck(playbook).all();
}

Result<void> validate(const Playbook& playbook) {
    auto problems = problems_of(playbook);
    if (!problems.empty()) {
        return std::unexpected(std::move(problems.front()));
    }
    return {};
}

} // namespace oa_stream::playbook
