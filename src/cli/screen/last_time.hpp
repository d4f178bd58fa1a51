// Estimates a duration from earlier runs.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/run/run_facts.hpp"

#include <chrono>
#include <filesystem>
#include <optional>

namespace oa_stream::cli {

/// Duration of the newest complete run of this kind on this target; unset when none of the latest
/// runs qualifies.
[[nodiscard]] std::optional<std::chrono::milliseconds>
last_time(const std::filesystem::path& state_dir, run::RunKind kind, const Json& target);

} // namespace oa_stream::cli
