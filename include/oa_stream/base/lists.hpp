// Looking for one item of a list, by itself or by a member of it.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <ranges>

namespace oa_stream {

/// Whether one of `items` is `value`, or has it as its `member`.
template <class Items, class Value, class Member = std::identity>
[[nodiscard]] constexpr bool contains(const Items& items, const Value& value, Member member = {}) {
    return std::ranges::find(items, value, member) != std::ranges::end(items);
}

/// The first of `items` that is `value`, or has it as its `member`; nullptr: there is none.
template <std::ranges::borrowed_range Items, class Value, class Member = std::identity>
[[nodiscard]] constexpr auto* find_or_null(Items&& items, const Value& value, Member member = {}) {
    const auto found = std::ranges::find(items, value, member);
    return found == std::ranges::end(items) ? nullptr : std::addressof(*found);
}

/// The first of `items` that fits; nullptr: none does.
template <std::ranges::borrowed_range Items, class Fits>
[[nodiscard]] constexpr auto* find_if_or_null(Items&& items, Fits fits) {
    const auto found = std::ranges::find_if(items, fits);
    return found == std::ranges::end(items) ? nullptr : std::addressof(*found);
}

} // namespace oa_stream
