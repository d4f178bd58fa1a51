#include "plan_conversations.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {

std::string conversations_text(const Plan& plan) {
    const Playbook& playbook = plan.playbook;
    if (playbook.continuity == Continuity::new_threads_only) {
        const auto count = int_member(plan.facts.continuity, "threads");
        const bool more = bool_member(plan.facts.continuity, "more").value_or(false);
        if (count == 0 && !more) {
            return fmt::format(
                "conversations of {} stay behind, none of them known to this token ({})",
                playbook.traffic.stable,
                playbook.continuity_reason
            );
        }
        return fmt::format(
            "USERS LOSE THEIR CONVERSATIONS: {} of {} {} behind ({})",
            count ? fmt::format("{}{} known to this token", more ? "at least " : "", *count)
                  : "an unknown number",
            playbook.traffic.stable,
            count == 1 && !more ? "stays" : "stay",
            playbook.continuity_reason
        );
    }
    if (const auto detail = string_member(plan.facts.continuity, "detail")) {
        return fmt::format("conversations: {}", *detail);
    }
    return playbook.continuity == Continuity::required
               ? "conversations: not tried, no probes were allowed"
               : "";
}

} // namespace oa_stream::playbook
