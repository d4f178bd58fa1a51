// The target's own count of a load's requests, from its /metrics. Behind a balancer each scrape may
// reach another instance, so the count is the sum over all instances.
#pragma once

#include "oa_stream/measure/processes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace oa_stream::cli {

class LoadCounter {
public:
    /// Adds one answer of /metrics from before, during or after the load; series that are not a
    /// lane's are ignored.
    void add(std::string_view exposition);
    /// Turn requests on `route` since the first scrape; nullopt when some may be missing: no lane
    /// answered, or an instance was first seen after the load began.
    [[nodiscard]] std::optional<std::uint64_t> counted(std::string_view route) const;
    /// The number of scrapes that reach every known instance, and probably an unknown one.
    [[nodiscard]] std::size_t scrapes() const noexcept;
    /// From here on a new instance has counts whose start is unknown.
    void begin() { begun_ = true; }

private:
    measure::Processes processes_{1e12};
    double ticks_ = 0; ///< the time of a scrape does not matter here
    bool begun_ = false;
    bool late_ = false; ///< an instance appeared after begin()
};

} // namespace oa_stream::cli
