// load: many streams at once against one lane, arriving by the clock or by a fixed number of users.
//
// Safe from coordinated omission: in an open loop arrivals follow the clock, never the answers, and
// every time is measured from when a request should have been sent. What never got an answer
// within its limits counts as infinitely slow, so a percentile cannot look better because the worst
// requests are missing from it.
#pragma once

#include "oa_stream/measure/histogram.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::probe {

/// When each request is due, in seconds since the start: the rate rises linearly from 0 over
/// `ramp_s`, then stays constant for `duration_s`.
struct ArrivalPlan {
    double per_second = 1; ///< 0 < per_second
    double ramp_s = 0;
    double duration_s = 0;

    [[nodiscard]] double at(std::uint64_t index) const noexcept;
    [[nodiscard]] std::uint64_t total() const noexcept;
};

/// How a request's reader behaves.
enum class Reader {
    plain,
    slow, ///< waits before reading each piece, so it determines its own times
    leaving, ///< disconnects at the first content
};
[[nodiscard]] std::string_view to_string(Reader reader) noexcept;

struct LoadOptions {
    Target target;
    ProbeLimits limits{};
    std::vector<std::string> prompts{"Reply with the single word: pong"}; ///< used in turn
    double per_second = 0; ///< open loop; 0: closed loop with `concurrency` users
    /// Closed loop: each user sends the next request when the last one has ended.
    unsigned concurrency = 0;
    Millis ramp{0}; ///< until the full rate (or all users); not measured
    Millis duration{30000}; ///< at the full rate
    std::uint64_t requests = 0; ///< the run ends after this many; 0: no limit
    std::size_t max_in_flight = 10000; ///< open loop: a request due beyond this is dropped
    double slow_share = 0; ///< 0–1
    double leaving_share = 0; ///< 0–1, together with slow_share at most 1
    Millis read_pause{200}; ///< for slow readers
    Millis drain{30000}; ///< for requests in flight at the end; the rest is unfinished
    /// Ends the run when this share of at least 50 requests that ended within 5 s is bad: of
    /// requests whose readers stay, or of all with those that left counted as good. 0: never.
    double stop_at_bad = 0.5;
    std::uint64_t seed = 1; ///< determines which requests read slowly or leave
    std::string thread_prefix{}; ///< see load_thread(); empty: generated
};
/// The conversation of the request with this index.
[[nodiscard]] std::string load_thread(std::string_view prefix, std::uint64_t index);
/// "oaload_<random>".
[[nodiscard]] std::string load_thread_prefix();

/// The times of one answer, relative to the planned or the actual sending.
enum class LoadClock { connect, head, first_byte, first_event, first_content, end };
inline constexpr std::array k_load_clocks{
    LoadClock::connect,
    LoadClock::head,
    LoadClock::first_byte,
    LoadClock::first_event,
    LoadClock::first_content,
    LoadClock::end,
};
[[nodiscard]] std::string_view to_string(LoadClock clock) noexcept;

/// Percentiles in constant memory; input and output in seconds. Relative error: relative_error().
class Times {
public:
    void record(double seconds);
    void record_infinite() { ++infinite_; }
    [[nodiscard]] std::uint64_t n() const noexcept { return finite_.count() + infinite_; }
    [[nodiscard]] std::uint64_t infinite() const noexcept { return infinite_; }
    /// The `rank`-th smallest (1-based, ≤ n()); +Inf beyond the finite ones.
    [[nodiscard]] double at_rank(std::uint64_t rank) const;
    /// Nearest rank; nullopt for no data.
    [[nodiscard]] std::optional<double> percentile(measure::Fraction q) const;
    [[nodiscard]] double mean() const noexcept; ///< of the finite ones; 0 for none
    [[nodiscard]] double max() const noexcept; ///< +Inf when there is an infinite time
    [[nodiscard]] double relative_error() const noexcept { return finite_.relative_error(); }
    /// {n, infinite, p50, p90, p95, p99, p99.9, max, mean}; an infinite time is the string "inf".
    [[nodiscard]] Json to_json() const;
    /// The data from which percentiles are computed: {infinite, min, max, values: [[µs, count],
    /// …]}; each value is the upper end of its bucket.
    [[nodiscard]] Json kept() const;
    [[nodiscard]] static std::optional<Times> from_kept(const Json& kept);

private:
    measure::LogLinearHistogram finite_{9}; ///< microseconds
    std::uint64_t infinite_ = 0;
};

/// One request, as planned and as it went.
struct LoadRequest {
    std::uint64_t index = 0;
    double planned_s = 0; ///< since the run began
    double late_s = 0; ///< delay until it was actually sent (or dropped)
    Reader reader = Reader::plain;
    bool measured = true; ///< planned after the ramp
    bool dropped = false; ///< never sent: too many were in flight
    bool unfinished = false; ///< cut off by the end of the run
    bool waited_out = false; ///< unfinished although the run waited its full drain time
    ProbeSample sample{};

    /// An ending that counts against the target; not when the reader left on purpose or was cut
    /// off.
    [[nodiscard]] bool bad() const noexcept;
    /// Its user waited in vain: clocks that it did not reach count as infinite.
    [[nodiscard]] bool unanswered() const noexcept;
};
/// The outcome's word, or "dropped", "unfinished", "left" (by a leaving reader).
[[nodiscard]] std::string_view outcome_word(const LoadRequest& request) noexcept;
/// One line of measure/requests.ndjson.
[[nodiscard]] Json to_json(const LoadRequest& request);

/// One second of the run.
struct LoadSecond {
    std::uint64_t second = 0;
    std::uint64_t planned = 0, sent = 0, late = 0, dropped = 0, ended = 0, bad = 0;
    std::size_t in_flight = 0; ///< at its end
    /// Of requests that ended in it or were dropped, from the planned sending.
    Times first_content{};
};
[[nodiscard]] Json to_json(const LoadSecond& second);

/// A request sent this much after its due time counts as late.
inline constexpr double k_late_s = 0.010;

/// Measured requests that are complete: ended without being cut off, or dropped.
struct LoadJudged {
    std::uint64_t n = 0, bad = 0;
    std::map<std::string, std::uint64_t, std::less<>> outcomes{};

    void add(const LoadRequest& request);
    [[nodiscard]] std::uint64_t count(std::string_view outcome) const;
};

/// The results of a run so far. Measured means: planned after the ramp.
struct LoadTotals {
    std::uint64_t planned = 0, sent = 0, late = 0, dropped = 0, ended = 0, unfinished = 0;
    std::uint64_t measured = 0; ///< planned after the ramp
    std::uint64_t measured_sent = 0; ///< of these, actually sent
    std::uint64_t measured_late = 0; ///< of these, sent too late
    /// The base of shares. Excludes leaving readers: how their streams would have ended is unknown,
    /// and those that failed before they left are not a fair sample.
    LoadJudged judged{};
    LoadJudged leaving{};
    std::uint64_t broken = 0; ///< streams that broke the contract, ramp included
    std::uint64_t slow = 0, left = 0; ///< sent with a reader of this kind
    double last_sent_s = 0; ///< time of the last sending after the ramp, since the start
    double seconds = 0; ///< intended time at the full rate, or the time until the stop
    std::map<std::string, std::uint64_t, std::less<>> outcomes{
    }; ///< of all that ended or were dropped
    std::string example{}; ///< detail of a bad ending
    std::array<Times, k_load_clocks.size()> from_plan{}; ///< plain readers only
    std::array<Times, k_load_clocks.size()> from_send{};
    Times start_delay{}; ///< from plan to sending
    Times gaps{}; ///< between content chunks; not the latency of a token
    std::uint64_t chunks = 0, bytes = 0;
    std::string stopped{}; ///< why it ended early; empty: it did not
    /// Measured requests, of readers that stay, without an end after the full drain: no share
    /// includes them, but each may be a bad one.
    std::uint64_t waited_out = 0;

    void add(const LoadRequest& request);
    /// Requests sent per second during the intended time at the full rate.
    [[nodiscard]] double achieved_per_second() const noexcept;
};

/// measure/load.json: the basis of limits, so that a finished load can be judged again.
[[nodiscard]] Json kept_totals(const LoadTotals& totals);
[[nodiscard]] std::optional<LoadTotals> totals_from_kept(const Json& kept);

/// One run of load. All calls must be made on the client's thread; the client must outlive run().
class Load {
public:
    virtual ~Load() = default;
    Load() = default;
    Load(const Load&) = delete;
    Load& operator=(const Load&) = delete;

    struct Observer {
        /// Each exactly once, in the order of their endings.
        std::function<void(const LoadRequest&)> on_request{};
        std::function<void(const LoadSecond&)> on_second{};
    };
    /// `client` must outlive the load. Code::usage for invalid shares or rates.
    [[nodiscard]] static Result<std::unique_ptr<Load>> make(
        const asio::any_io_executor& executor,
        net::HttpClient& client,
        LoadOptions options,
        Observer observer
    );

    /// Runs until the plan is done and nothing is in flight. Call once.
    [[nodiscard]] virtual Task<void> run() = 0;
    /// Sends no more requests; those in flight are cancelled at once and count as unfinished.
    virtual void stop(std::string why) = 0;
    [[nodiscard]] virtual const LoadTotals& totals() const noexcept = 0;
};

/// "p99 first_content <= 2s", "p95 gap <= 500ms", "bad <= 1%", "dropped <= 0.1%",
/// "truncated <= 0.5%": a percentile of a clock, or a share of the measured requests.
struct LoadLimit {
    std::string text; ///< as written
    std::string id; ///< of its check: "limit.p99-first_content"
    std::optional<measure::Fraction> quantile{}; ///< nullopt: a share
    std::string what{}; ///< clock, "gap", "bad", "dropped", "late" or an outcome
    double limit = 0; ///< seconds or a share
};
[[nodiscard]] Result<LoadLimit> parse_load_limit(std::string_view text);
/// PASS when the upper confidence bound is within the limit, FAIL when the lower is beyond it, else
/// INCONCLUSIVE. A PASS holds also when all that were waited for in vain are bad. Shares: exact
/// bounds; percentiles: order statistics, widened by the histogram's error. Failures of leaving
/// readers break a limit when they do so though all that left count as good.
[[nodiscard]] Check
judge_limit(const LoadLimit& limit, const LoadTotals& totals, double confidence);

} // namespace oa_stream::probe
