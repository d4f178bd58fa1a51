// Changing the route split so that it can be trusted: snapshot, write, verify over fresh
// connections, restore when anything is wrong.
#pragma once

#include "oa_stream/base/check.hpp"
#include "oa_stream/routes/route_split.hpp"
#include "oa_stream/run/run_journal.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::routes {

/// How sure is sure.
struct RouteLooks {
    int agree = 5;         ///< successive fresh connections that must say the same
    int most_writes = 24;  ///< of one change: each process has to be met
    Millis pause{200};     ///< of a change, before it looks again
    Millis limit{120000};  ///< for one phase; what agrees may take longer
};

/// What k successive fresh connections agreed on.
struct RouteSnapshot {
    RouteStatus status;
    int looks = 0;
    std::vector<Overrides> seen{}; ///< every memory met; more than one: a mixture
    bool agreed = false;
    [[nodiscard]] std::string text() const; ///< "none | global legacy"
};
/// Code as the client's when no look succeeded in a row; a mixture is not an error.
[[nodiscard]] Task<Result<RouteSnapshot>>
snapshot_routes(RouteSplitClient& client, RouteLooks looks);

/// A path and what must serve it.
struct RouteExpectation {
    std::string path;
    std::string target; ///< empty: whatever the cohort says
    std::string reason; ///< empty: any
};
struct RouteVerified {
    bool ok = false;
    int looks = 0;
    int row = 0;        ///< agreeing looks right at the end
    std::string seen{}; ///< what was seen instead, one sentence; empty when ok
    std::vector<Overrides> memories{}; ///< every memory met
};
/// A look is the status and one evaluation of each path, each over a connection of its own. Nothing
/// is written. The first look that differs ends it.
[[nodiscard]] Task<Result<RouteVerified>> verify_routes(
    RouteSplitClient& client,
    std::optional<Overrides> overrides, ///< unset: not looked at
    std::vector<RouteExpectation> paths,
    std::string cohort_key,
    RouteLooks looks
);

struct RouteRun {
    RouteSplitClient* client = nullptr;
    RouteStatus before; ///< of an agreed snapshot
    Overrides goal;
    bool goal_is_ours = true; ///< or somebody else's: it was undone before
    std::vector<Overrides> known{}; ///< memories that were met and accepted: not somebody else's
    std::vector<RouteExpectation> paths{};
    std::string cohort_key{};
    RouteLooks looks{};
    /// Null: nothing is recorded. Of each write the intent is on disk before it, the answer after.
    run::Journal* journal = nullptr;
    std::function<bool()> stop{}; ///< asked between the writes and looks; true: undo
    std::function<void(std::string_view line)> say{};
    /// Asked before each write, also of an undo: another process may have taken the run over.
    /// Unset: always.
    std::function<Result<void>()> may_write{};
    /// What the snapshot before an undo showed: it counts where the undo itself reads nothing.
    std::optional<Overrides> last_seen{};
};

struct RouteOutcome {
    bool changed = false; ///< the goal serves, verified
    bool mutated = false; ///< something may have been written
    bool restored = false; ///< the old memory is back, verified
    bool interrupted = false;
    std::optional<Error> error{}; ///< why it did not
    std::optional<Error> restore_error{};
    int writes = 0;
    RouteVerified verified{};
    RouteVerified back{};
};

/// Writes what differs, spreads it until k successive fresh connections agree, else undoes it. A
/// journal that fails before the first write ends it there; it does not stop an undo.
[[nodiscard]] Task<RouteOutcome> change_routes(RouteRun run);

/// The undo of a run that ended or died: whatever its writes towards `goal` may have left becomes
/// what `before` remembers. Writes nothing when fresh looks find it so. May be repeated.
[[nodiscard]] Task<RouteOutcome> undo_routes(RouteRun run);

/// A change or an undo that could not begin.
[[nodiscard]] Check failed_check(std::string id, const Error& error);
/// The checks FAMILY.set and, when something was written in vain, FAMILY.restored.
[[nodiscard]] std::vector<Check>
change_checks(std::string_view family, const RouteRun& run, const RouteOutcome& outcome);
/// The one check of an undo.
[[nodiscard]] Check undo_check(std::string id, const RouteRun& run, const RouteOutcome& outcome);
/// FAIL for a breach of ours, INCONCLUSIVE for an interruption, else ERROR.
[[nodiscard]] Verdict verdict_of_failure(const Error& error) noexcept;

/// What must serve each path once `goal` is remembered.
[[nodiscard]] std::vector<RouteExpectation> expectations_of(
    const RouteStatus& status, const Overrides& goal, const std::vector<std::string>& paths
);

} // namespace oa_stream::routes
