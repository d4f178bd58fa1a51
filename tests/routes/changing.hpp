// A change of routes under way against the rig, with its journal.
#pragma once

#include "rig.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::routes::testing {

inline const Overrides k_nothing{};
/// What most changes here are to bring.
inline const Overrides k_legacy_login{{}, {{"auth_entry", "legacy"}}};

/// From k_nothing to `goal`, two looks must agree. Lines of the journal stand in the rig's log
/// too, as "forth intent route:auth_entry".
class Changing {
public:
    explicit Changing(std::size_t processes = 1, Overrides goal = k_legacy_login);

    ControlRig rig;
    std::vector<Json> lines{}; ///< without seq and at
    std::vector<std::string> said{};
    /// The journal fails from the n-th line (from 1) on; 0: never.
    std::size_t journal_fails = 0;
    RouteRun run{};

    RouteOutcome change();
    RouteOutcome undo();
    /// Of the lines, those of a phase.
    [[nodiscard]] std::vector<Json> lines_of(std::string_view phase) const;

private:
    Result<void> record(const Json& line);
    std::size_t recorded_ = 0;
    RouteSplitClient client_;
    run::Journal journal_;
};

/// Takes a write and says nothing.
[[nodiscard]] Script carried_out_and_lost(ControlRig& rig, const RawRequest& request);
[[nodiscard]] bool is_write(const RawRequest& request, std::string_view target);

} // namespace oa_stream::routes::testing
