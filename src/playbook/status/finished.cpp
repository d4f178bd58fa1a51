#include "status/finished.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/runs.hpp"
#include "oa_stream/run/suggest.hpp"
#include "oa_stream/run/target_lock.hpp"

#include <fmt/format.h>

namespace oa_stream::playbook {

namespace fs = std::filesystem;

namespace {

/// If a run's files do not show what it moved, it may have been the traffic of any target.
bool may_be_on(const RunStatus& run, std::string_view target) {
    return run.target == target || (run.target.empty() && run.moved);
}

} // namespace

Result<void> check_nothing_undone(const fs::path& state_dir, std::string_view target) {
    OA_TRY(const auto all, all_statuses(state_dir));
    for (const RunStatus& run : all) {
        if (may_be_on(run, target) && run.needs_somebody()) {
            const bool known = !run.target.empty();
            return fail(
                Code::precondition,
                fmt::format(
                    "run {} is not over on {}: {}",
                    run.run,
                    known ? target : "an unknown target",
                    run.open
                ),
                {},
                (known ? run.next + " first, or give it up: "
                       : "check the target's split, then abandon the run as its owner: ") +
                    run::suggest_abandon(run.run)
            );
        }
    }
    return {};
}

Result<void> check_nothing_under_way(const fs::path& state_dir, std::string_view target) {
    const auto holder = run::TargetLock::holder(state_dir, target);
    const auto run = holder ? string_member(*holder, "run") : std::nullopt;
    if (!run) {
        return {};
    }
    return fail(
        Code::conflict,
        fmt::format("run {} is under way on {}", *run, target),
        {},
        run::suggest_wait(std::string(*run))
    );
}

} // namespace oa_stream::playbook
