// What is observed while a plan is made: the revisions' builds, and whether the gates can decide.
// Private to the room.
#pragma once

#include "oa_stream/playbook/outside.hpp"
#include "oa_stream/probe/opened_threads.hpp"

#include <optional>
#include <string>
#include <vector>

namespace oa_stream::playbook {

/// For conversations that the plan itself opened.
inline constexpr Millis k_removing{10'000};

/// revision → {"version": answer of GET /version}; null where it does not answer. Never fails: the
/// smokes find that.
[[nodiscard]] Task<Json> revision_facts(const Outside* outside, const Playbook* playbook);

struct GateTrials {
    Json records = Json::array(); ///< one per gate: id, value, n, needs_n, decides_in_s, sentence
    std::vector<std::string> warnings{};
    /// Probability that a canary as good as stable passes every gate at every stage, extensions
    /// included.
    double chance = 1;
};

/// Evaluates each gate once on stable: with probes for a moment, by its source over the last hour,
/// each with the time to a decision at that traffic. Code::precondition when a gate has nothing to
/// judge: nobody answered the probes, the source knows nothing of stable for seven days, or an
/// expression has no value now and had none five minutes ago. What a source cannot be asked, as
/// its error says. `probes`: false leaves out what needs them.
[[nodiscard]] Task<Result<GateTrials>>
try_gates(const Outside* outside, const Playbook* playbook, Millis window, bool probes);

/// With continuity required, tries it once, from stable to the canary: Code::precondition when a
/// conversation does not continue there. With new-threads-only counts the conversations left
/// behind. Result as PlanFacts::continuity.
[[nodiscard]] Task<Result<Json>>
try_continuity(const Outside* outside, const Playbook* playbook, bool probes);

/// Up to three fresh connections as a user's. If none is answered well by a revision of `serving`,
/// warns what that would mean for a rollback, which only such answers verify, with the last
/// failure. Also warns of conversations that the target keeps.
[[nodiscard]] Task<std::vector<std::string>>
try_users(const Outside* outside, const Playbook* playbook, const traffic::Split* serving);

/// One line per gate, for display.
[[nodiscard]] std::string tried_text(const Json& record);

} // namespace oa_stream::playbook
