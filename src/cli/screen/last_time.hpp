// How long something takes, estimated from earlier runs.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/run/run_facts.hpp"

#include <chrono>
#include <filesystem>
#include <optional>

namespace oa_stream::cli {

/// What the newest whole run of this kind took on this target; nothing when none of the latest
/// runs is one.
[[nodiscard]] std::optional<std::chrono::milliseconds>
last_time(const std::filesystem::path& state_dir, run::RunKind kind, const Json& target);

} // namespace oa_stream::cli
