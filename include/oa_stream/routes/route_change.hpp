// Changing the route split so that it can be trusted: snapshot, write, verify over fresh
// connections, restore when anything is wrong.
#pragma once

#include "oa_stream/routes/route_split.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::routes {

/// How sure is sure.
struct RouteLooks {
    int agree = 5;         ///< successive fresh connections that must say the same
    int most = 20;        ///< looks before it counts as disagreement
    int most_writes = 24;  ///< of one change: each process has to be met
    Millis pause{200};     ///< between two looks that disagreed
    Millis limit{120000};  ///< for one phase
};

/// What k successive fresh connections agreed on.
struct RouteSnapshot {
    RouteStatus status;
    int looks = 0;
    std::vector<Overrides> seen{}; ///< every memory met; more than one: a mixture
    bool agreed = false;
};
/// Code as the client's when no look succeeded in a row; a mixture is no error.
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
/// is written.
[[nodiscard]] Task<Result<RouteVerified>> verify_routes(
    RouteSplitClient& client,
    std::optional<Overrides> overrides, ///< unset: not looked at
    std::vector<RouteExpectation> paths,
    std::string cohort_key,
    RouteLooks looks
);

enum class RoutePhase {
    begin, ///< the memory to restore, before the first write
    intent, ///< about to write; it may have happened from here on
    written, ///< the service said yes
    refused, ///< it said no, nothing was written
    ambiguous, ///< no clear answer; the next look tells
    seen, ///< what looks over fresh connections found
    done, ///< k successive looks agree on what was intended
    unverified, ///< they do not
};
[[nodiscard]] std::string_view to_string(RoutePhase phase) noexcept;

struct RouteEvent {
    RoutePhase phase = RoutePhase::begin;
    bool undo = false; ///< of the way back
    std::optional<RouteWrite> write{};
    Overrides from{};
    Overrides to{};
    std::string detail{};
};
[[nodiscard]] Json to_json(const RouteEvent& event);
/// Must be durable before it returns: an intent that cannot be recorded is not carried out.
using RouteSink = std::function<Result<void>(const RouteEvent& event)>;

struct RouteRun {
    RouteSplitClient* client = nullptr;
    RouteStatus before; ///< of an agreed snapshot
    Overrides goal;
    std::vector<Overrides> known{}; ///< memories met in an accepted mixture
    std::vector<RouteExpectation> paths{};
    std::string cohort_key{};
    RouteLooks looks{};
    RouteSink journal{};
    std::function<bool()> stop{}; ///< asked between the writes and looks; true: go back
    std::function<void(std::string_view line)> say{};
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

/// Writes what differs, spreads it until k successive fresh connections agree, else restores. A
/// journal that fails before the first write ends it there; on the way back it does not.
[[nodiscard]] Task<RouteOutcome> change_routes(RouteRun run);

/// Only the way back, for a run that died: whatever its writes towards `goal` may have left becomes
/// what `before` remembers.
[[nodiscard]] Task<RouteOutcome> restore_routes(RouteRun run);

/// What must serve each path once `goal` is remembered.
[[nodiscard]] std::vector<RouteExpectation> expectations_of(
    const RouteStatus& status, const Overrides& goal, const std::vector<std::string>& paths
);

} // namespace oa_stream::routes
