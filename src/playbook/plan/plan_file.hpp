// Reads plan files and compares them with the live state.
#pragma once

#include "oa_stream/base/redact.hpp"
#include "oa_stream/playbook/plan.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::playbook {

/// Hint for a plan that is refused.
inline constexpr std::string_view k_make_new_plan = "make a new plan";

/// SHA-256 of the JSON with sorted keys, no white space, and numbers in their shortest form.
[[nodiscard]] std::string canonical_digest(const Json& json);

/// The plan of a file, remade from the playbook's text and the recorded observations, so that there
/// is only one reader of playbooks. Code::unreadable; Code::precondition when the content does not
/// match its id (it was edited) or another release would make a different plan from it.
enum class Trust {
    verified, ///< to be applied
    /// For rolling a run back: what it did must not depend on this release. Only has the steps that
    /// shift traffic.
    rescue,
};
[[nodiscard]] Result<Plan>
read_plan(std::string_view text, std::string_view file, Trust trust = Trust::verified);
/// `shown`: the id of the plan that the operator read in this file; Code::precondition when it now
/// has another one. Empty: not read before.
[[nodiscard]] Result<Plan>
load_plan(const std::filesystem::path& path, std::string_view shown = {});

/// Code::usage when the plan contains a secret: plans are passed around. A run's copy would also be
/// redacted, and no rollback could restore the setting from it.
[[nodiscard]] Result<void> check_no_secret(const Plan& plan, Redactor redactor);

/// Tolerated difference between the clocks of two machines.
inline constexpr auto k_clock_skew = std::chrono::minutes(5);

/// Code::precondition for a plan older than its validity, or made in the future.
[[nodiscard]] Result<void> check_age(const Plan& plan, WallTime now);

/// Code::precondition, with `hint`, unless the plan's settings lead to the target that it was made
/// for: from another folder a relative path leads elsewhere.
[[nodiscard]] Result<void>
check_target(const Plan& plan, const traffic::TrafficDriver& driver, Advice hint);

/// All differences from the plan's observations, one sentence each with planned and live value. A
/// new etag alone is no difference.
[[nodiscard]] std::vector<std::string>
drift_from_plan(const Plan& plan, const traffic::TrafficState& live, const Json& revisions);

/// Marks the plan as applied, which is allowed once. Durable when it returns; of two concurrent
/// calls one succeeds. Code::precondition naming the run that applied it.
[[nodiscard]] Result<void>
spend(const std::filesystem::path& state_dir, const Plan& plan, std::string_view run);

/// The differences of two documents: "traffic/0/percent: planned 100, live 95".
void name_differences(
    std::vector<std::string>& out, std::string_view what, const Json& planned, const Json& live
);

} // namespace oa_stream::playbook
