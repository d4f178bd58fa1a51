// Cursor pages of the routes that read: their parameters and their answers.
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
    /// The key of the last item that the client has; empty: from the beginning
    std::string after{};
};

/// limit: a whole number, clamped to 1–200. cursor: from make_cursor() for the same `list`. 422
/// with the field otherwise.
[[nodiscard]] Accepted<PageAsked> read_page(std::string_view query, std::string_view list);

/// order: "asc" (oldest first, the default) or "desc" (true). 422 otherwise.
[[nodiscard]] Accepted<bool> read_newest_first(std::string_view query);

/// The first parameter of that name, percent-decoded; nullopt when there is none.
[[nodiscard]] std::optional<std::string>
query_parameter(std::string_view query, std::string_view name);

/// archived: "true" or "false" (the default). 422 otherwise.
[[nodiscard]] Accepted<bool> read_archived(std::string_view query);

/// Opaque to clients, and not valid for another list.
[[nodiscard]] std::string make_cursor(std::string_view list, std::string_view key);

/// 422: the cursor's place is gone (its turn was replaced), or it is not a cursor.
[[nodiscard]] Rejection reject_cursor();

/// {"data":[…],"nextCursor"}; nextCursor is null on the last page.
[[nodiscard]] Json page_json(Json data, std::string_view cursor);

/// Range of a page within its items.
struct PageBounds {
    std::size_t first = 0;
    std::size_t last = 0; ///< one past the last
    bool more = false;
};
[[nodiscard]] PageBounds
bounds_of(std::size_t first, std::size_t count, std::size_t limit) noexcept;

} // namespace oa_stream::lane
