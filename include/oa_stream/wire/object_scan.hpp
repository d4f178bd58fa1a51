// The checks for any JSON object that a client reads, whatever its meaning: J5–J7 and W2.
#pragma once

#include "oa_stream/wire/json_scan.hpp"
#include "oa_stream/wire/ui_chunk.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace oa_stream::wire {

/// nullopt, with a note, when `text` is not a JSON object; `not_object` is the rule that requires
/// one. `lone_surrogate` of the result ignores overridden members.
[[nodiscard]] std::optional<ScannedJson>
scan_object(std::string_view text, std::string_view not_object, std::vector<ui::ParseNote>& notes);

} // namespace oa_stream::wire
