// What a chat request says of its thread, read in one pass that keeps nothing else: its history may
// be megabytes long, and every stream of the door waits meanwhile. Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::traffic {

struct TurnSkim {
    std::string thread; ///< by the first alias that is a non-empty string; empty: none is
    bool ends_with_assistant = false; ///< the role of the last of its messages
};

/// Of a JSON object. nullopt when quotes, braces and brackets do not make one, or it is too deep;
/// whether the rest is JSON is for the lane to judge. Of names that stand there twice the last one
/// counts.
[[nodiscard]] std::optional<TurnSkim> skim_turn(std::string_view body);

} // namespace oa_stream::traffic
