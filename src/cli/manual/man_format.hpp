// The pieces that manual pages are made of, and their conversion from Markdown.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// Text that roff shows as it is, in ASCII.
[[nodiscard]] std::string roff(std::string_view text);

/// "[text](target)" as "text"; an escaped bar of a table as a bar.
[[nodiscard]] std::string without_links(std::string_view text);

/// .TH and NAME.
[[nodiscard]] std::string man_head(std::string_view name, int section, std::string_view summary);

/// The body of a page from the Markdown that our own pages use: headings, paragraphs, lists,
/// tables, code blocks, `code` and links. The title (`# …`) and HTML comments are left out; a
/// table's row becomes one item, its other cells are labelled by the table's head.
[[nodiscard]] std::string man_from_markdown(std::string_view markdown);

} // namespace oa_stream::cli
