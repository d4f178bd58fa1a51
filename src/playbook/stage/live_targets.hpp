// Where a run's probes go. Private to the room.
#pragma once

#include "live.hpp"

#include <string_view>
#include <vector>

namespace oa_stream::playbook {

/// What is referred to must outlive it.
struct LiveTargets {
    const LiveOptions& options;
    const traffic::TrafficDriver* driver; ///< null where nothing is pinned

    [[nodiscard]] Result<probe::Target> of(Through through) const;
    /// Where conversations of an arm may be: those of probes that came as users do at either side.
    [[nodiscard]] std::vector<probe::Target> where(std::string_view arm) const;
};

} // namespace oa_stream::playbook
