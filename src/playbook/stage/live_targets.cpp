#include "live_targets.hpp"

#include "oa_stream/playbook/outside.hpp"

#include <utility>

namespace oa_stream::playbook {

Result<probe::Target> LiveTargets::of(Through through) const {
    if (through == Through::users) {
        return options.users;
    }
    if (driver == nullptr) {
        return fail(Code::internal, "nothing here knows the way to a single revision");
    }
    const traffic::Arms& arms = options.arms;
    return pinned_target(
        options.users, *driver, arms, through == Through::stable ? arms.stable : arms.canary
    );
}

std::vector<probe::Target> LiveTargets::where(std::string_view arm) const {
    std::vector<probe::Target> out;
    for (const Through side : {Through::stable, Through::canary}) {
        auto target = of(side);
        if (target && (arm == "users" || arm == to_string(side))) {
            out.push_back(*std::move(target));
        }
    }
    if (out.empty()) {
        out.push_back(options.users);
    }
    return out;
}

} // namespace oa_stream::playbook
