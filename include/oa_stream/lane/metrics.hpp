// The lane's numbers, and how Prometheus reads them.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/lane/records.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// What every metric's name begins with.
inline constexpr std::string_view k_metric_prefix = "oa_stream_";
/// The Content-Type of Metrics::text().
inline constexpr std::string_view k_metrics_type = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds in seconds, without +Inf. A service objective's threshold must be one of them.
inline constexpr std::array k_duration_bounds{
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0
};
inline constexpr std::array k_first_content_bounds{
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0
};

/// Counts by bucket. Values are taken to whole microseconds, as the access log writes them, so that
/// both put a request into the same bucket.
class Histogram {
public:
    /// `bounds` rise and outlive the histogram.
    explicit Histogram(std::span<const double> bounds);
    /// Negative counts as 0.
    void observe(double seconds) noexcept;

    [[nodiscard]] std::span<const double> bounds() const noexcept { return bounds_; }
    /// Of one bucket alone; the last one, behind all bounds, is +Inf's.
    [[nodiscard]] std::span<const std::uint64_t> counts() const noexcept { return counts_; }
    [[nodiscard]] double sum() const noexcept { return sum_; }

private:
    std::span<const double> bounds_;
    std::vector<std::uint64_t> counts_;
    double sum_ = 0;
};

/// The routes whose requests start turns, in the route table's order: POST on the lanes compat and
/// native.
[[nodiscard]] std::vector<std::string_view> stream_routes();

/// Counters only rise while this object lives. Every series that an alert divides by or asks the
/// increase of is there at 0 from the beginning.
class Metrics final : public LaneObserver {
public:
    Metrics(std::string revision, std::string version);

    void request_done(const RequestRecord& record) override;
    void compat_rejected(CompatCode code) override;
    void turn_accepted(std::string_view route) override;
    void turn_ended(const TurnOutcome& outcome) override;
    void reader_attached() override { ++active_streams_; }
    void reader_detached() override { --active_streams_; }

    /// Text format 0.0.4: each family once, its samples together. Readings come last, with the
    /// prefix; a reading whose name is taken or no metric name is left out.
    [[nodiscard]] std::string text(std::span<const authority::Reading> readings = {}) const;

private:
    // The texts are those of the route table and of our own words: they live as long as the
    // process.
    struct RequestKey {
        std::string_view route;
        std::string_view method;
        int status = 0;
        std::string_view lane;
        friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
    };
    struct TerminalKey {
        std::string_view route;
        std::string_view terminal;
        friend auto operator<=>(const TerminalKey&, const TerminalKey&) = default;
    };
    using ByRoute = std::map<std::string_view, std::uint64_t>;

    void create_series(std::string_view route, std::string_view lane);

    std::string revision_;
    std::string version_;
    std::map<RequestKey, std::uint64_t> requests_;
    std::map<std::string_view, Histogram> durations_;
    std::map<std::string_view, Histogram> first_contents_;
    std::map<std::string_view, std::uint64_t> compat_;
    std::map<TerminalKey, std::uint64_t> terminals_;
    ByRoute accepted_;
    ByRoute empty_;
    ByRoute usage_unknown_;
    std::array<std::uint64_t, encode::k_repair_kinds> repairs_{};
    std::int64_t active_streams_ = 0;
};

} // namespace oa_stream::lane
