// Which processes answer behind one address, and what the counters of each rose by. A balancer
// sends each scrape to another one: only what one process said before can be taken from what it
// says now.
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

/// Series of users alone; with probes, those of both added up. No series has the probes' label.
[[nodiscard]] SeriesMap merged_series(SeriesMap scrape, bool include_probes);

class Processes {
public:
    explicit Processes(double window_s) : window_s_(window_s) {}

    /// `at_s` rises; `wall_s` is the time since 1970. Returns what changed, in words; "": nothing.
    std::string add(SeriesMap scrape, double at_s, double wall_s);

    [[nodiscard]] const std::vector<ScrapedProcess>& all() const noexcept { return all_; }
    /// How many answered at that time or later.
    [[nodiscard]] std::size_t answered_since(double at_s) const noexcept;
    /// Those that did not, and in whose place no younger one came: perhaps they serve users still.
    [[nodiscard]] std::vector<const ScrapedProcess*> lost_since(double at_s) const;
    /// Every process says which one it is.
    [[nodiscard]] bool distinguished() const noexcept;
    /// Drops those that did not answer since.
    void forget_before(double at_s);

private:
    double window_s_;
    double began_at_s_ = -1;
    std::vector<ScrapedProcess> all_{}; ///< in the order in which they came
};

} // namespace oa_stream::measure
