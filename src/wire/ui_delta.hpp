// Reads deltas in the form used by every known server, without a JSON tree. Nearly all of a stream
// consists of them.
#pragma once

#include "oa_stream/wire/ui_chunk.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::wire::ui {

/// The delta in `data` when it has the form {"type":…,"id":…,"delta":…}, in this order, without
/// white space and lone surrogates. Otherwise nullopt, and parse_chunk() judges it.
[[nodiscard]] std::optional<PartDelta> read_plain_delta(std::string_view data);

} // namespace oa_stream::wire::ui
