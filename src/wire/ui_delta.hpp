// Deltas as every known server writes them, read without a JSON tree. They are nearly all of a
// stream.
#pragma once

#include "oa_stream/wire/ui_chunk.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::wire::ui {

/// The delta in `data` when it is spelled {"type":…,"id":…,"delta":…}, in this order, without white
/// space and without lone surrogates. Anything else is nullopt, and for parse_chunk to judge.
[[nodiscard]] std::optional<PartDelta> read_plain_delta(std::string_view data);

} // namespace oa_stream::wire::ui
