#include "oa_stream/measure/service_signals.hpp"

#include "oa_stream/telemetry/metrics.hpp"

#include "prometheus/promql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace oa_stream::measure {
namespace {

std::string name_of(const ServiceSignal& signal) {
    return fmt::format("{}{}", telemetry::k_prefix, signal.metric);
}

/// The faults that a process' own numbers of that metric show.
std::vector<ServiceFault>
seen(std::string_view where, const SeriesMap& series, const ServiceSignal& signal) {
    std::vector<ServiceFault> out;
    for (const auto& [id, value] : series_of(series, name_of(signal))) {
        ServiceFault one{std::string(where), &signal, value};
        if (signal.each()) {
            one.which = id.label(signal.apart);
        }
        if (out.empty() || signal.each()) {
            out.push_back(std::move(one));
            continue;
        }
        double& together = out.back().value;
        together = signal.apart.empty() ? std::max(together, one.value) : together + one.value;
    }
    return out;
}

bool is_bad(const ServiceFault& fault) {
    const ServiceSignal& signal = *fault.signal;
    return signal.bad == SignalBad::down ? fault.value == 0 : fault.value > signal.above;
}

} // namespace

std::string
at_fault(const ServiceSignal& signal, const std::string& series, const std::string& began) {
    switch (signal.bad) {
    case SignalBad::down:
        return fmt::format("max_over_time({}[1m]) == 0", series);
    case SignalBad::rises:
        return fmt::format(
            "{}({}) > {:g}",
            signal.apart.empty() ? "" : fmt::format("sum without ({}) ", signal.apart),
            prometheus::risen(series, began, "10m"),
            signal.above
        );
    case SignalBad::high:
        break;
    }
    return fmt::format("{} > {:g}", series, signal.above);
}

std::vector<std::string> fault_queries(const std::function<std::string(std::string_view)>& select) {
    // Proxies accept addresses of 8 KiB, and percent-encoding makes a query half as long again.
    constexpr std::size_t k_longest = 3000;
    const std::string began = select(telemetry::metric("process_start_time_seconds").name);
    std::string by = "job,instance,signal";
    std::vector<std::string> out;
    for (const ServiceSignal& signal : k_service_signals) {
        const std::string series = select(name_of(signal));
        const std::string one = fmt::format(
            R"(label_replace({}, "signal", "{}", "", ""))",
            at_fault(signal, series, began),
            signal.metric
        );
        by = prometheus::joined(std::move(by), signal.each() ? signal.apart : "");
        if (out.empty() || out.back().size() + one.size() > k_longest) {
            out.push_back(one);
        } else {
            out.back() += " or " + one;
        }
    }
    for (std::string& query : out) {
        query = fmt::format("max by ({}) ({})", by, query);
    }
    return out;
}

std::string ServiceFault::text() const {
    const std::string label =
        which.empty() ? "" : fmt::format("{{{}=\"{}\"}}", signal->apart, which);
    return fmt::format(
        "{}: {} ({}{} {:.3g})", where, signal->fault, name_of(*signal), label, value
    );
}

std::vector<ServiceFault>
service_faults(std::string_view where, const SeriesMap& now, const SeriesMap& rose) {
    std::vector<ServiceFault> out;
    for (const ServiceSignal& signal : k_service_signals) {
        auto all = seen(where, signal.bad == SignalBad::rises ? rose : now, signal);
        std::ranges::copy_if(all, std::back_inserter(out), is_bad);
    }
    return out;
}

} // namespace oa_stream::measure
