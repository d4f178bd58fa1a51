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
    /// Each arrival is at a random moment of its interval. A constant pace can fall into step with
    /// users of a constant pace, and a front door that alternates then sends all of them to one
    /// side.
    bool scattered = false;
};

/// One arrival and its result.
struct ProberSample {
    std::string arm;
    std::uint64_t index = 0; ///< 0-based within the arm
    Clock::time_point intended{}; ///< scheduled send time
    double waited_s = 0; ///< from `intended` until it was sent (or cancelled)
    /// False: it was never sent, because all slots were busy for too long. Counts as too_slow.
    bool sent = true;
    ProbeSample sample{}; ///< its clocks start at the actual sending
    /// How long our own process was stalled (StallMeter) from `intended` to the end, and to the
    /// first content.
    double stalled_s = 0;
    double stalled_first_s = 0;
    double longest_stall_s = 0; ///< full length of the longest of these stalls

    /// The clocks as experienced by a user, from `intended`; nullopt when not reached.
    [[nodiscard]] std::optional<double> first_content_s() const noexcept;
    [[nodiscard]] std::optional<double> end_s() const noexcept;
};

struct ProberOptions {
    std::vector<ProberArm> arms;
    ProbeLimits limits{};
    std::size_t max_in_flight = 64; ///< per arm
    std::size_t max_waiting = 1000; ///< per arm; further arrivals are delivered at once as not sent
    /// Creates the request of an arrival. Unset: default_probe_request().
    std::function<ProbeRequest(std::string_view arm, std::uint64_t index)> request{};
    /// Called on the client's thread exactly once per arrival, in the order of their endings.
    std::function<void(const ProberSample&)> on_sample{};
    std::uint64_t seed = 0; ///< for the moments of scattered arms
};

struct ProberCounts {
    std::uint64_t arrived = 0; ///< arrivals that were due
    std::uint64_t sent = 0; ///< turns begun on the target
    std::uint64_t delivered = 0; ///< samples passed to on_sample
    std::size_t in_flight = 0;
    std::size_t waiting = 0;
};

/// Long enough to see the answer being streamed, and harmless.
inline constexpr std::string_view k_counting_prompt =
    "This is a contract test. Reply with the numbers from 1 to 40 separated by spaces, nothing "
    "else.";
/// "oaprobe_<random>": a new conversation id for a probe.
[[nodiscard]] std::string probe_thread();
/// POST /api/chat/stream with this thread and a one-line prompt.
[[nodiscard]] ProbeRequest probe_request(std::string_view thread, std::string_view prompt = {});
/// The same with a fresh probe_thread().
[[nodiscard]] ProbeRequest default_probe_request(std::string_view prompt = {});

/// All calls must be made on the client's thread. Destroying a running prober cancels requests in
/// flight without delivering them.
class Prober {
public:
    virtual ~Prober() = default;
    Prober() = default;
    Prober(const Prober&) = delete;
    Prober& operator=(const Prober&) = delete;

    /// `client` must outlive the prober. Steady arms with the same rate are interleaved evenly.
    /// Errors: Code::usage for no arm, a duplicate arm, or a rate outside 0–1000.
    [[nodiscard]] static Result<std::unique_ptr<Prober>>
    make(const asio::any_io_executor& executor, net::HttpClient& client, ProberOptions options);

    /// Starts arrivals. Call once.
    virtual void start() = 0;
    /// Stops arrivals: waiting ones are delivered at once as not sent. Then waits until nothing is
    /// in flight; after `limit` the rest is cancelled and delivered as Outcome::cancelled.
    [[nodiscard]] virtual Task<void> drain(Millis limit) = 0;
    [[nodiscard]] virtual ProberCounts counts(std::string_view arm) const noexcept = 0;
};

} // namespace oa_stream::probe
