#include "oa_stream/measure/service_signals.hpp"

#include "oa_stream/telemetry/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace oa_stream::measure {
namespace {

std::string name_of(const ServiceSignal& signal) {
    return fmt::format("{}{}", telemetry::k_prefix, signal.metric);
}

/// The largest of that metric's series, or what those that stand apart are together; nullopt: there
/// is none.
std::optional<double> value_of(const SeriesMap& series, const ServiceSignal& signal) {
    const std::string name = name_of(signal);
    std::optional<double> out;
    for (auto it = series.lower_bound(SeriesId{name, {}});
         it != series.end() && it->first.name == name;
         ++it) {
        out = signal.apart.empty() ? std::max(out.value_or(it->second), it->second)
                                   : out.value_or(0) + it->second;
    }
    return out;
}

} // namespace

std::string at_fault(const ServiceSignal& signal, std::string_view series) {
    switch (signal.bad) {
    case SignalBad::down:
        return fmt::format("max_over_time({}[1m]) == 0", series);
    case SignalBad::rises:
        return signal.apart.empty() ? fmt::format("increase({}[10m]) > {:g}", series, signal.above)
                                    : fmt::format(
                                          "sum without ({}) (increase({}[10m])) > {:g}",
                                          signal.apart,
                                          series,
                                          signal.above
                                      );
    case SignalBad::high:
        break;
    }
    return fmt::format("{} > {:g}", series, signal.above);
}

std::string ServiceFault::text() const {
    return fmt::format("{}: {} ({} {:.3g})", where, signal->fault, name_of(*signal), value);
}

std::vector<ServiceFault>
service_faults(std::string_view where, const SeriesMap& now, const SeriesMap& rose) {
    std::vector<ServiceFault> out;
    for (const ServiceSignal& signal : k_service_signals) {
        const bool counts = signal.bad == SignalBad::rises;
        const auto value = value_of(counts ? rose : now, signal);
        const bool bad =
            value && (signal.bad == SignalBad::down ? *value == 0 : *value > signal.above);
        if (bad) {
            out.push_back({std::string(where), &signal, *value});
        }
    }
    return out;
}

} // namespace oa_stream::measure
