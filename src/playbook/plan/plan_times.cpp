#include "plan_times.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/playbook/plan.hpp"
#include "oa_stream/probe/continuity.hpp"

#include "chance.hpp"
#include "engine/run_plan.hpp"

#include <array>

namespace oa_stream::playbook {

PlanTimes times_of(const Playbook& playbook) {
    const StageSpec& stage = playbook.stage;
    const auto stages = static_cast<std::int64_t>(playbook.stages.size());
    const auto pauses = static_cast<std::int64_t>(stage.pause_after.size());
    PlanTimes out;
    out.usual = stage.bake * stages;
    out.extended = (stage.bake + stage.extend_at_most) * stages;
    out.pauses = stage.pause_at_most * pauses;
    Millis each = stage.error_hold_at_most + playbook.driver_limit;
    each += RunnerTiming{}.in_flight * looks_of(stage);
    if (playbook.continuity == Continuity::required) {
        each += probe::ReadPace{}.most;
    }
    for (const HookSpec& hook : playbook.hooks) {
        each += hook.required ? hook.timeout : Millis(0);
    }
    out.worst = out.extended + each * stages + out.pauses + rollback_at_most(playbook);
    return out;
}

Millis rollback_at_most(const Playbook& playbook) {
    const Millis ramp = playbook.rollback_ramp;
    const Millis shifts = playbook.driver_limit * (Playbook::k_ramp_steps - 1);
    // The write until read-back and the verifying connections each have this limit.
    return (ramp > Millis(0) ? ramp + shifts : Millis(0)) + 2 * playbook.restore_limit;
}

std::string_view to_string(StepKind kind) noexcept {
    constexpr std::array<std::string_view, 10> k_words{
        "smoke",
        "budget",
        "shift",
        "probe",
        "gate",
        "restore",
        "shadow",
        "continuity",
        "drilled",
        "rehearse"
    };
    return enum_word<StepKind::rehearse>(k_words, kind);
}

} // namespace oa_stream::playbook
