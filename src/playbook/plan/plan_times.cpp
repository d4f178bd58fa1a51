#include "plan_times.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/playbook/plan.hpp"

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
    const Millis each = stage.error_hold_at_most + playbook.driver_limit;
    out.worst = out.extended + each * stages + out.pauses + playbook.restore_limit;
    return out;
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
