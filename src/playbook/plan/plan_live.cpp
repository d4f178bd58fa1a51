#include "plan_live.hpp"

#include "plan_back.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {

Result<void>
check_live(const Playbook& playbook, std::string_view target, const traffic::TrafficState& live) {
    if (!live.settled) {
        return fail(Code::precondition, "an earlier change of traffic is still being carried out");
    }
    if (playbook.kind == Kind::rollback) {
        return {}; // whatever serves, stable is to get the traffic
    }
    if (live.serving.empty()) {
        return fail(
            Code::precondition,
            fmt::format("no stage can begin from this: {}", traffic::serving_text(live)),
            {},
            plan_back_of(target) + " restores stable, whatever serves"
        );
    }
    if (!(live.wanted == live.serving)) {
        return fail(
            Code::precondition,
            fmt::format(
                "requested split {}, but {} serves", live.wanted.text(), live.serving.text()
            )
        );
    }
    const Traffic& traffic = playbook.traffic;
    const int ours =
        live.serving.percent_of(traffic.stable) + live.serving.percent_of(traffic.canary);
    if (ours != 100) {
        return fail(
            Code::precondition,
            fmt::format(
                "{} and {} do not have all the traffic: {}",
                traffic.stable,
                traffic.canary,
                live.serving.text()
            )
        );
    }
    const int canary = live.serving.percent_of(traffic.canary);
    if (canary > playbook.stages.front() && !is_over(playbook, live.serving)) {
        return fail(
            Code::precondition,
            fmt::format("{} already has {}%, more than the first stage", traffic.canary, canary),
            {},
            plan_back_of(target) + " restores stable, whatever serves"
        );
    }
    return {};
}

} // namespace oa_stream::playbook
