// Writes Prometheus text format 0.0.4.
#pragma once

#include "oa_stream/telemetry/metrics.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace oa_stream::lane {

class Histogram;

class Exposition {
public:
    using Label = std::pair<std::string_view, std::string_view>;
    using Labels = std::initializer_list<Label>;

    /// Begins a family; its samples follow.
    void family(const telemetry::Metric& metric);
    /// Whether the samples that follow count probes: they have that label, too.
    void of_probes(bool probe) { probe_ = probe; }
    void sample(Labels labels, std::uint64_t value);
    void sample(Labels labels, double value);
    /// One of a histogram's, as `suffix` says: _bucket, _sum, _count.
    void sample(std::string_view suffix, Labels labels, double value);
    /// All series of one label set of a histogram.
    void histogram(Label label, const Histogram& values);
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    void series(std::string_view suffix, Labels labels, std::string_view value);

    std::string text_;
    std::string_view name_; ///< of the family under way
    bool probe_ = false;
};

} // namespace oa_stream::lane
