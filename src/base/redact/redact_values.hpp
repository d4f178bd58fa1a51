// Where a value ends, by the rules of what it stands in. Private to the room.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace oa_stream {

/// A slash or a code point that JSON escaped, at any level of JSON within JSON.
struct Escape {
    char stands_for = '?'; ///< that for all but ASCII
    std::size_t end = 0;
};
[[nodiscard]] std::optional<Escape> escape_at(std::string_view text, std::size_t at) noexcept;

/// Of a query's member from `from` on, percent-encoded or not. What follows it in a sentence or a
/// list is no part of it.
[[nodiscard]] std::size_t value_end(std::string_view text, std::size_t from) noexcept;

/// Of what the quote at `open` begins, possibly within a string of JSON, its escapes included.
[[nodiscard]] std::size_t quoted_end(std::string_view text, std::size_t open) noexcept;

} // namespace oa_stream
