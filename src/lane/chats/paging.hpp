// Cursor pages of the reading routes: what a request asks for, and what it is told.
#pragma once

#include "gates/rejection.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

struct PageAsked {
    std::size_t limit = 50;
    std::string after{}; ///< the key of the last item the client has; empty: from the beginning
};

/// limit: a whole number, held to 1–200. cursor: one that make_cursor() made for the same `list`.
/// 422 with the field otherwise.
[[nodiscard]] Accepted<PageAsked> read_page(std::string_view query, std::string_view list);

/// order: "asc" (oldest first, as without) or "desc" (true). 422 otherwise.
[[nodiscard]] Accepted<bool> read_newest_first(std::string_view query);

/// The first parameter of that name, percent-decoded; nullopt when there is none.
[[nodiscard]] std::optional<std::string>
query_parameter(std::string_view query, std::string_view name);

/// archived: "true" or "false" (as without). 422 otherwise.
[[nodiscard]] Accepted<bool> read_archived(std::string_view query);

/// Opaque to clients, and of no use for another list.
[[nodiscard]] std::string make_cursor(std::string_view list, std::string_view key);

/// 422: a cursor whose place is gone (its turn was replaced), or that never was one.
[[nodiscard]] Rejection reject_cursor();

/// {"data":[…],"nextCursor"}; null behind the last page.
[[nodiscard]] Json page_json(Json data, std::string_view cursor);

/// Where a page of `count` items begins and ends.
struct PageBounds {
    std::size_t first = 0;
    std::size_t last = 0; ///< one past
    bool more = false;
};
[[nodiscard]] PageBounds
bounds_of(std::size_t first, std::size_t count, std::size_t limit) noexcept;

} // namespace oa_stream::lane
