// A steady flow of probes against one or more arms: open loop, stratified, safe from coordinated
// omission.
//
// Open loop: arrivals follow the clock, never the answers. A target that stalls does not slow the
// arrivals down; they wait in line, and the time they waited is part of what the sample reports.
#pragma once

#include "oa_stream/base/clock.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

struct ProberArm {
    std::string name;      ///< "stable", "canary"; unique within a prober
    Target target;         ///< pinned to the arm by connect_to, base_url or a header
    double per_second = 1; ///< arrivals; 0: none; at most 1000
    /// Each arrival at a random moment of its own interval: a constant pace falls into step with
    /// users of a constant pace, and a door that takes turns then sends all of these to one side.
    bool scattered = false;
};

/// One arrival and what came of it.
struct ProberSample {
    std::string arm;
    std::uint64_t index = 0; ///< 0-based within the arm
    Clock::time_point intended{}; ///< when it should have been sent
    double waited_s = 0; ///< from `intended` until it was sent (or given up)
    /// False: it never left, all slots were busy for too long. Counts as too_slow.
    bool sent = true;
    ProbeSample sample{}; ///< its clocks run from the real sending
    /// How long our own process stood still (StallMeter) from `intended` to the end, and to the
    /// first content.
    double stalled_s = 0;
    double stalled_first_s = 0;
    double longest_stall_s = 0; ///< the longest of them, as a whole

    /// The clocks as a user would have seen them, from `intended`; nullopt when not reached.
    [[nodiscard]] std::optional<double> first_content_s() const noexcept;
    [[nodiscard]] std::optional<double> end_s() const noexcept;
};

struct ProberOptions {
    std::vector<ProberArm> arms;
    ProbeLimits limits{};
    std::size_t max_in_flight = 64; ///< per arm
    std::size_t max_waiting = 1000; ///< per arm; an arrival beyond is delivered at once, not sent
    /// Makes the request of an arrival. Unset: default_probe_request().
    std::function<ProbeRequest(std::string_view arm, std::uint64_t index)> request{};
    /// Called on the client's thread for every arrival exactly once, in the order they end.
    std::function<void(const ProberSample&)> on_sample{};
    std::uint64_t seed = 0; ///< of the moments of scattered arms
};

struct ProberCounts {
    std::uint64_t arrived = 0; ///< arrivals that were due
    std::uint64_t sent = 0; ///< turns begun on the target
    std::uint64_t delivered = 0; ///< samples handed to on_sample
    std::size_t in_flight = 0;
    std::size_t waiting = 0;
};

/// Long enough to see its answer flow, and harmless.
inline constexpr std::string_view k_counting_prompt =
    "This is a contract test. Reply with the numbers from 1 to 40 separated by spaces, nothing "
    "else.";
/// "oaprobe_<random>": a conversation of a probe's own.
[[nodiscard]] std::string probe_thread();
/// POST /api/chat/stream with this thread and a one-line prompt.
[[nodiscard]] ProbeRequest probe_request(std::string_view thread, std::string_view prompt = {});
/// The same with a fresh probe_thread().
[[nodiscard]] ProbeRequest default_probe_request(std::string_view prompt = {});

/// All calls on the client's thread. Destroying a running prober cancels what is in flight without
/// delivering it.
class Prober {
public:
    virtual ~Prober() = default;
    Prober() = default;
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    /// `client` must outlive the prober. Arms of one rate are interleaved evenly, but for scattered
    /// ones.
    /// Errors: Code::usage for no arm, an arm named twice, or a rate outside 0–1000.
    [[nodiscard]] static Result<std::unique_ptr<Prober>>
    make(const asio::any_io_executor& executor, net::HttpClient& client, ProberOptions options);

    /// Arrivals begin now. Once.
    virtual void start() = 0;
    /// No more arrivals: waiting ones are delivered at once as not sent. Then waits until nothing
    /// is in flight; after `limit` the rest is cancelled and delivered as Outcome::cancelled.
    [[nodiscard]] virtual Task<void> drain(Millis limit) = 0;
    [[nodiscard]] virtual ProberCounts counts(std::string_view arm) const noexcept = 0;
};

} // namespace oa_stream::probe
