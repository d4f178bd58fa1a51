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

    /// Begins a family; its samples have to follow.
    void family(const telemetry::Metric& metric);
    /// Whether the samples that follow count probes, which have an additional label.
    void of_probes(bool probe) { probe_ = probe; }
    void sample(Labels labels, std::uint64_t value);
    void sample(Labels labels, double value);
    /// One sample of a histogram; `suffix` is _bucket, _sum or _count.
    void sample(std::string_view suffix, Labels labels, double value);
    /// All series of one label set of a histogram.
    void histogram(Label label, const Histogram& values);
    [[nodiscard]] std::string take() { return std::move(text_); }

private:
    void series(std::string_view suffix, Labels labels, std::string_view value);

    std::string text_;
    std::string_view name_; ///< of the current family
    bool probe_ = false;
};

} // namespace oa_stream::lane
