// The elements of manual pages, and the conversion from Markdown.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::cli {

/// Text in ASCII that roff prints unchanged.
[[nodiscard]] std::string roff(std::string_view text);

/// "[text](target)" becomes "text"; an escaped bar of a table becomes a bar.
[[nodiscard]] std::string without_links(std::string_view text);

/// .TH and NAME.
[[nodiscard]] std::string man_head(std::string_view name, int section, std::string_view summary);

/// The body of a page from the Markdown subset of our own pages: headings, paragraphs, lists,
/// tables, code blocks, `code` and links. The title (`# …`) and HTML comments are left out; a
/// table's row becomes one item whose other cells are labelled with the table's head.
[[nodiscard]] std::string man_from_markdown(std::string_view markdown);

} // namespace oa_stream::cli
