// The lane's numbers, and how Prometheus reads them.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/lane/records.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// The Content-Type of Metrics::text().
inline constexpr std::string_view k_metrics_type = "text/plain; version=0.0.4; charset=utf-8";

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

    void create_series(const telemetry::TurnRoute& route);

    std::string revision_;
    std::string version_;
    std::map<RequestKey, std::uint64_t> requests_;
    std::map<std::string_view, Histogram> durations_;
    std::map<std::string_view, Histogram> first_contents_;
    std::map<std::string_view, std::uint64_t> compat_;
    std::map<TerminalKey, std::uint64_t> terminals_;
    ByRoute accepted_;
    std::vector<ByRoute> counted_; ///< in the order of turn_counters()
    std::array<std::uint64_t, encode::k_repair_kinds> repairs_{};
    std::int64_t active_streams_ = 0;
};

} // namespace oa_stream::lane
