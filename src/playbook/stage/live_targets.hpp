// The addresses that a run's probes use. Private to the room.
#pragma once

#include "live.hpp"

#include <string_view>
#include <vector>

namespace oa_stream::playbook {

/// Referenced objects must outlive it.
struct LiveTargets {
    const LiveOptions& options;
    const traffic::TrafficDriver* driver; ///< null where nothing is pinned

    [[nodiscard]] Result<probe::Target> of(Through through) const;
    /// Where conversations of an arm may be stored; for users' probes that is either side.
    [[nodiscard]] std::vector<probe::Target> where(std::string_view arm) const;
};

} // namespace oa_stream::playbook
