// The names that OpenAI's Responses API gives to the items of an answer and to their events.
#pragma once

#include <array>
#include <string_view>

namespace oa_stream::wire::responses {

/// The names used for one kind of item.
struct ItemKind {
    std::string_view item;   ///< type
    std::string_view prefix; ///< prefix of its ids
    std::string_view member; ///< the item's array of parts; without parts, its text
    std::string_view text;   ///< "response.output_text": prefix of .delta and .done
    /// "response.content_part": prefix of .added and .done; empty: such an item has no parts
    std::string_view part{};
    std::string_view part_type{};
    std::string_view index{}; ///< the events' member with the part's index
};
inline constexpr std::array k_item_kinds{
    ItemKind{
        "message",
        "msg_",
        "content",
        "response.output_text",
        "response.content_part",
        "output_text",
        "content_index"
    },
    ItemKind{
        "reasoning",
        "rs_",
        "summary",
        "response.reasoning_summary_text",
        "response.reasoning_summary_part",
        "summary_text",
        "summary_index"
    },
    ItemKind{"function_call", "fc_", "arguments", "response.function_call_arguments"},
};
inline constexpr const ItemKind& k_message = k_item_kinds[0];
inline constexpr const ItemKind& k_reasoning = k_item_kinds[1];
inline constexpr const ItemKind& k_function_call = k_item_kinds[2];

} // namespace oa_stream::wire::responses
