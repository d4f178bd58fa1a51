// The lane's metrics, and their text form for Prometheus.
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

class Exposition;

/// The Content-Type of Metrics::text().
inline constexpr std::string_view k_metrics_type = "text/plain; version=0.0.4; charset=utf-8";

/// Counts by bucket. Values are rounded to whole microseconds, as in the access log, so that both
/// put a request into the same bucket.
class Histogram {
public:
    /// `bounds` rise and outlive the histogram.
    explicit Histogram(std::span<const double> bounds);
    /// Negative values count as 0.
    void observe(double seconds) noexcept;

    [[nodiscard]] std::span<const double> bounds() const noexcept { return bounds_; }
    /// Counts of each bucket alone; the last one, behind all bounds, belongs to +Inf.
    [[nodiscard]] std::span<const std::uint64_t> counts() const noexcept { return counts_; }
    [[nodiscard]] double sum() const noexcept { return sum_; }

private:
    std::span<const double> bounds_;
    std::vector<std::uint64_t> counts_;
    double sum_ = 0;
};

/// What distinguishes this process from others behind the same address.
struct ProcessFacts {
    std::string revision;
    std::string version;
    std::string id{};
    double started_s = 0; ///< seconds since 1970
};

/// Counters only rise while this object lives. Series of user traffic that an alert divides by or
/// whose increase it computes exist at 0 from the beginning; series of probes begin with the first
/// probe.
class Metrics final : public LaneObserver {
public:
    explicit Metrics(ProcessFacts process);
    Metrics(std::string revision, std::string version)
        : Metrics(ProcessFacts{std::move(revision), std::move(version)}) {}

    void request_done(const RequestRecord& record) override;
    void compat_rejected(CompatCode code, bool probe) override;
    void turn_accepted(std::string_view route, bool probe) override;
    void turn_ended(const TurnOutcome& outcome) override;
    void reader_attached() override { ++active_streams_; }
    void reader_detached() override { --active_streams_; }

    /// Text format 0.0.4: each family once, its samples together. Readings come last, with the
    /// prefix; a reading whose name is in use already or is not a valid metric name is left out.
    [[nodiscard]] std::string
    text(std::span<const authority::Reading> readings = {}, bool ready = true) const;

private:
    // The views point into the route table or at literals of the program, which live as long as the
    // process.
    struct RequestKey {
        std::string_view route;
        std::string_view method;
        int status = 0;
        std::string_view lane;
        bool probe = false;
        friend auto operator<=>(const RequestKey&, const RequestKey&) = default;
    };
    struct TerminalKey {
        std::string_view route;
        std::string_view terminal;
        bool probe = false;
        friend auto operator<=>(const TerminalKey&, const TerminalKey&) = default;
    };
    struct WordKey {
        std::string_view word; ///< a route or a code
        bool probe = false;
        friend auto operator<=>(const WordKey&, const WordKey&) = default;
    };
    using ByWord = std::map<WordKey, std::uint64_t>;
    using Histograms = std::map<WordKey, Histogram>;

    void create_series(const telemetry::TurnRoute& route);
    void write_requests(Exposition& out) const;
    void write_turns(Exposition& out) const;
    void write_process(Exposition& out, bool ready) const;

    ProcessFacts process_;
    std::map<RequestKey, std::uint64_t> requests_;
    Histograms durations_;
    Histograms turn_durations_;
    Histograms first_contents_;
    Histograms gaps_;
    ByWord compat_;
    std::map<TerminalKey, std::uint64_t> terminals_;
    ByWord accepted_;
    std::vector<ByWord> counted_; ///< in the order of turn_counters()
    std::array<std::uint64_t, encode::k_repair_kinds> repairs_{};
    std::int64_t active_streams_ = 0;
};

} // namespace oa_stream::lane
