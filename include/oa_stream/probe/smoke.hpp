// smoke stream: the checks that show whether a lane keeps its contract, over the wire.
#pragma once

#include "oa_stream/probe/stream_probe.hpp"

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace oa_stream::probe {

struct SmokeOptions {
    Target target;
    ProbeLimits limits{};
    std::string id_prefix = "stream"; ///< of check ids: "preflight.stream.happy.chat"
    bool probes = true;               ///< false: GETs only, everything else SKIPPED
    /// Where kept streams go: called with a file stem and the sample; returns the paths written,
    /// relative to the run folder. Unset: nothing is kept.
    std::function<std::vector<std::string>(const std::string& stem, const ProbeSample&)> keep{};
    /// Called as each check is done, for progress.
    std::function<void(const Check&)> on_check{};
};

/// Writes <stem>.sse, .head and .timing.ndjson into `folder` so that `check` reproduces the
/// verdict; returns the file names.
[[nodiscard]] Result<std::vector<std::string>>
save_stream(const std::filesystem::path& folder, const std::string& stem, const ProbeSample& sample);

/// Runs every check against the target. In-stream failures are provoked only where /version names
/// the replay authority.
[[nodiscard]] Task<std::vector<Check>> smoke_stream(net::HttpClient& client, SmokeOptions options);

} // namespace oa_stream::probe
