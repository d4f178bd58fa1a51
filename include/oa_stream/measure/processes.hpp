// The processes that answer behind one address, and how much the counters of each rose. A balancer
// sends each scrape to a different process, so a rise can only be computed between two scrapes of
// one process.
#pragma once

#include "oa_stream/measure/exposition.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace oa_stream::measure {

struct ScrapedProcess {
    std::string id{}; ///< empty: its build does not report one
    std::string revision{};
    bool ready = true;
    double first_at_s = 0;
    double last_at_s = 0;
    CounterWindow counters;
};

/// The series of users alone; with probes, the sum of both. The result has no label for probes.
[[nodiscard]] SeriesMap merged_series(SeriesMap scrape, bool include_probes);

class Processes {
public:
    explicit Processes(double window_s) : window_s_(window_s) {}

    /// `at_s` must rise; `wall_s` is seconds since 1970. Returns a description of what changed; "":
    /// nothing.
    std::string add(SeriesMap scrape, double at_s, double wall_s);

    [[nodiscard]] const std::vector<ScrapedProcess>& all() const noexcept { return all_; }
    /// How many processes answered at that time or later.
    [[nodiscard]] std::size_t answered_since(double at_s) const noexcept;
    /// Processes that did not answer since then and were not replaced by a younger one: they may
    /// still serve users.
    [[nodiscard]] std::vector<const ScrapedProcess*> lost_since(double at_s) const;
    /// Every process reports its id.
    [[nodiscard]] bool distinguished() const noexcept;
    /// Drops processes that did not answer since then.
    void forget_before(double at_s);

private:
    double window_s_;
    double began_at_s_ = -1;
    std::vector<ScrapedProcess> all_{}; ///< in the order of their first scrape
};

} // namespace oa_stream::measure
