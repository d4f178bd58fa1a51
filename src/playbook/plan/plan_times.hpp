// How long a run of a playbook takes. Private to the room.
#pragma once

#include "oa_stream/playbook/playbook.hpp"

namespace oa_stream::playbook {

struct PlanTimes {
    Millis usual{};    ///< all stages at their bake, and a few seconds a shift
    Millis extended{}; ///< the same with every extension
    Millis pauses{};   ///< those that the playbook plans, at their longest
    Millis worst{
    }; ///< every limit, extension and planned pause used up, and the rollback; no wait of a `hold`
};
[[nodiscard]] PlanTimes times_of(const Playbook& playbook);
/// Until a rollback is verified, or is known not to be.
[[nodiscard]] Millis rollback_at_most(const Playbook& playbook);

} // namespace oa_stream::playbook
