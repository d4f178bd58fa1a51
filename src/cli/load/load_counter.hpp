// The target's own count of the requests of a load, from its /metrics. Behind a balancer each
// scrape reaches another instance: the count is the sum over all of them.
#pragma once

#include "oa_stream/measure/processes.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace oa_stream::cli {

class LoadCounter {
public:
    /// One answer of /metrics, before, during or after the load; what is not a lane's is let go.
    void add(std::string_view exposition);
    /// Turn requests on `route` since the first scrape; nullopt when some may be missing: no lane
    /// answered, or an instance that was first seen after the load began.
    [[nodiscard]] std::optional<std::uint64_t> counted(std::string_view route) const;
    /// How many scrapes reach every instance that is known, and likely one that is not.
    [[nodiscard]] std::size_t scrapes() const noexcept;
    /// From here on an instance that appears has counts that nobody saw before.
    void begin() { begun_ = true; }

private:
    measure::Processes processes_{1e12};
    double ticks_ = 0; ///< the time of a scrape matters to nobody here
    bool begun_ = false;
    bool late_ = false; ///< an instance came after begin()
};

} // namespace oa_stream::cli
