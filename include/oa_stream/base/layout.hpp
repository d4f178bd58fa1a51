// Text laid out in the columns of a terminal: an East Asian letter takes two, a combining mark
// none.
#pragma once

#include "oa_stream/base/verdict.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace oa_stream {

/// "1 check", "12 checks", "0 checks", "2 bodies".
[[nodiscard]] std::string counted(std::uint64_t n, std::string_view thing);

[[nodiscard]] std::size_t columns_of(std::string_view text) noexcept;

/// At most `columns` (≥ 1) wide; what was cut shows as "…".
[[nodiscard]] std::string cut_to(std::string_view text, std::size_t columns);

/// One line broken between words into lines of at most `columns`; a longer word is never broken,
/// for paths and commands are copied. What follows the first line stands `indent` columns in.
/// Without a line break at the end.
[[nodiscard]] std::string wrapped(std::string_view line, std::size_t columns, std::size_t indent);

/// The word in the colour of its verdict; SKIPPED has none. Every palette of ours is this one.
[[nodiscard]] std::string painted(std::string_view text, Verdict verdict);

struct Layout {
    std::size_t columns = 0; ///< 0: no limit, as in a file or a pipe
    bool colour = false;
};

/// Whole lines as a terminal should show them: broken between words, what follows below the row's
/// last column where that leaves room to read, else its second. A row that begins below the last
/// column of the row above, and is too wide, goes where that one's rest goes. A verdict that stands
/// first or last in its row is painted.
[[nodiscard]] std::string laid_out(std::string_view text, const Layout& layout);

} // namespace oa_stream
