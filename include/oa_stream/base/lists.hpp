// Lists: whether they have an item, and one made of another.
#pragma once

#include <algorithm>
#include <functional>
#include <iterator>
#include <memory>
#include <ranges>
#include <type_traits>
#include <utility>
#include <vector>

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

/// Adds `value` unless it is there.
template <class Items, class Value> constexpr void add_once(Items& items, Value&& value) {
    if (!contains(items, value)) {
        items.push_back(std::forward<Value>(value));
    }
}

/// What `make` makes of each item, or that member of each.
template <class Items, class Make>
[[nodiscard]] constexpr auto mapped(const Items& items, Make make) {
    using Item = std::ranges::range_reference_t<const Items>;
    std::vector<std::remove_cvref_t<std::invoke_result_t<Make&, Item>>> out;
    std::ranges::transform(items, std::back_inserter(out), make);
    return out;
}

} // namespace oa_stream
