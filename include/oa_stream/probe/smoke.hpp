// smoke stream: the checks that show whether a lane keeps its contract, over the wire.
#pragma once

#include "oa_stream/probe/hops.hpp"
#include "oa_stream/probe/smoke_rule.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::probe {

struct SmokeOptions {
    Target target;
    ProbeLimits limits{};
    std::string id_prefix = "stream"; ///< of check ids: "preflight.stream.happy.chat"
    bool probes = true;               ///< false: GETs only, everything else SKIPPED
    std::string prompt{}; ///< for the happy path; empty: one that suits the target's authority
    std::string expect{};  ///< must occur in its answer; empty: any text
    bool abort = false; ///< disconnect, resume and stop a turn even if the target is not a replay
    std::string tool_prompt{
    }; ///< makes a target that is not a replay call a tool; empty: not tried
    /// How long the target keeps a turn without a reader, if known.
    std::optional<Millis> detach_grace{};
    unsigned concurrency = 1; ///< > 1: this many happy paths in parallel, at most 64
    /// The origin behind the target, to find where bytes were held back.
    std::optional<Target> direct{};
    /// Outermost first: also tests which of them cuts or changes answers, see hops.hpp.
    std::vector<Hop> hops{};
    Millis hops_longest{20'000};
    /// Stores streams: called with a file stem and the sample; returns the paths written, relative
    /// to the run folder. Unset: nothing is kept.
    std::function<std::vector<std::string>(const std::string& stem, const ProbeSample&)> keep{};
    /// Called with the thread before each request that may begin a turn: an interrupted smoke has
    /// no footprint check, but its requests must be known.
    std::function<void(const std::string& thread)> on_turn{};
    /// Takes over the deletion of a conversation that the smoke may have opened. Unset: the smoke
    /// deletes them at its end.
    std::function<void(const std::string& thread)> on_opened{};
    /// Called after each check, for progress.
    std::function<void(const Check&)> on_check{};
};

/// Every run reports each of them exactly once, in this order.
[[nodiscard]] std::span<const SmokeRule> smoke_rules() noexcept;

/// The files kept of a sample, as suffix and bytes: .sse (or .body of a refusal), .head and
/// .timing.ndjson. `check` reproduces the verdict from them even when redacted, because lengths are
/// kept.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
stream_files(const ProbeSample& sample);

/// Runs every check against the target. In-stream failures are provoked only where /version names
/// the replay authority. Refusals are provoked with requests that no lane may start a turn for. The
/// turns it did start are listed in the check "footprint". A target that cannot be reached is
/// ERROR; data.outcome of a happy path, without probes of "resume.unknown", is "unauthorised" when
/// the credentials were refused.
[[nodiscard]] Task<std::vector<Check>> smoke_stream(net::HttpClient& client, SmokeOptions options);

} // namespace oa_stream::probe
