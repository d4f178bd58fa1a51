// How long a run of a playbook takes. Private to the room.
#pragma once

#include "oa_stream/playbook/playbook.hpp"

namespace oa_stream::playbook {

struct PlanTimes {
    Millis usual{}; ///< all stages at their bake, plus a few seconds per shift
    Millis extended{}; ///< the same with every extension
    Millis pauses{}; ///< planned pauses of the playbook, at their longest
    Millis worst{
        /// Every limit, extension and planned pause used up, plus the rollback; excludes the wait
        /// of a
        /// `hold`.
    };
};
[[nodiscard]] PlanTimes times_of(const Playbook& playbook);
/// Longest time until a rollback is verified, or is known not to be.
[[nodiscard]] Millis rollback_at_most(const Playbook& playbook);

} // namespace oa_stream::playbook
