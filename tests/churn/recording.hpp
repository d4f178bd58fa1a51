// What a capture says, read without any code of the lane: the answer its clients must get.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>

namespace oa_stream::churn {

struct Recording {
    std::string name;
    std::string text; ///< all message deltas of its first turn, joined
};

/// DIR/NAME.jsonl. Errors: as of reading a file; Code::unreadable for a capture without a turn.
[[nodiscard]] Result<Recording> read_recording(const std::string& folder, const std::string& name);

} // namespace oa_stream::churn
