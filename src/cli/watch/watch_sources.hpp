// The sources that watch queries: lanes' /metrics, or a Prometheus that scrapes them.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/net/http_client.hpp"
#include "oa_stream/net/token_source.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include "watch_model.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace oa_stream::cli {

/// The clock that ages are computed with.
[[nodiscard]] inline double now_s() {
    return seconds(Clock::now().time_since_epoch());
}

/// One address, queried repeatedly by its own coroutine. Not thread-safe.
class WatchedSource {
public:
    virtual ~WatchedSource() = default;
    WatchedSource() = default;
    WatchedSource(const WatchedSource&) = delete;
    WatchedSource& operator=(const WatchedSource&) = delete;

    /// Queries once; every failure becomes part of its state.
    [[nodiscard]] virtual Task<void> ask() = 0;
    /// The present state; its age is counted from the last good answer.
    [[nodiscard]] virtual WatchSource state() const = 0;
    /// The numbers of each instance behind the address.
    [[nodiscard]] virtual std::vector<measure::LanePart> parts() const = 0;
    /// Numbers that are only known for all instances together.
    [[nodiscard]] virtual measure::LaneNumbers together() const { return {}; }

    std::uint64_t asked = 0; ///< number of answers, good or bad
    std::string news{}; ///< an event that no state shows: "began again"
};

struct WatchTiming {
    Millis every{2000};
    Millis window{60000};
    Millis patience{3000}; ///< time limit for one answer
    Millis stale_after{15000}; ///< an instance that did not answer for longer is lost
    std::size_t instances = 0; ///< expected number behind each address; 0: not known
    bool include_probes = false;
};

/// `client` must outlive the source. `token` supplies renewed bearer tokens; unset: the target's
/// token is kept.
[[nodiscard]] std::unique_ptr<WatchedSource> watched_lane(
    net::HttpClient& client, probe::Target target, const WatchTiming& timing, net::TokenSource token
);

struct WatchedPrometheus {
    measure::PrometheusOptions prometheus{};
    Millis budget_window{Millis(1000LL * 3600 * 24 * 30)};
};
[[nodiscard]] std::unique_ptr<WatchedSource>
watched_prometheus(net::HttpClient& client, WatchedPrometheus options, const WatchTiming& timing);

} // namespace oa_stream::cli
