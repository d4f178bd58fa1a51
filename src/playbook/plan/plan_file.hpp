// Plan files: read back, and compared with what is live now.
#pragma once

#include "oa_stream/base/redact.hpp"
#include "oa_stream/playbook/plan.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::playbook {

/// The hint of a refusal of this plan.
inline constexpr std::string_view k_make_new_plan = "make a new plan";

/// SHA-256 of the JSON with its keys sorted, no white space, numbers in their shortest form.
[[nodiscard]] std::string canonical_digest(const Json& json);

/// The plan of a file, made again from the playbook's text and what was recorded, so that there is
/// one reader of playbooks. Code::unreadable; Code::precondition when the file is not what its id
/// says (somebody edited it) or another release would make another plan of it.
enum class Trust {
    verified, ///< to be applied
    /// To roll a run back: what it did must not depend on this release. Of its steps those that
    /// move traffic.
    rescue,
};
[[nodiscard]] Result<Plan>
read_plan(std::string_view text, std::string_view file, Trust trust = Trust::verified);
/// `shown`: the id of the plan that somebody read in this file before; Code::precondition when it
/// has another one now. Empty: nobody did.
[[nodiscard]] Result<Plan>
load_plan(const std::filesystem::path& path, std::string_view shown = {});

/// A plan is shown around, so nothing in it may be a secret: Code::usage. A run's copy of it would
/// be blanked, too, and no rollback could restore the setting from that.
[[nodiscard]] Result<void> check_no_secret(const Plan& plan, Redactor redactor);

/// By which the clocks of two machines may differ.
inline constexpr auto k_clock_skew = std::chrono::minutes(5);

/// Code::precondition for a plan older than its validity, or made in the future.
[[nodiscard]] Result<void> check_age(const Plan& plan, WallTime now);

/// Code::precondition, with `hint`, unless the plan's settings lead to what it was made for: from
/// another folder a relative path leads elsewhere.
[[nodiscard]] Result<void>
check_target(const Plan& plan, const traffic::TrafficDriver& driver, Advice hint);

/// Everything that is not as the plan saw it, one sentence each with planned and live value. An
/// etag alone is nothing.
[[nodiscard]] std::vector<std::string>
drift_from_plan(const Plan& plan, const traffic::TrafficState& live, const Json& revisions);

/// A plan is applied once. Durable before it returns; of two at once one succeeds.
/// Code::precondition naming the run that used it up.
[[nodiscard]] Result<void>
spend(const std::filesystem::path& state_dir, const Plan& plan, std::string_view run);

/// Where two documents differ: "traffic/0/percent: planned 100, live 95".
void name_differences(
    std::vector<std::string>& out, std::string_view what, const Json& planned, const Json& live
);

} // namespace oa_stream::playbook
