// Text put into Markdown tables, HTML and XML.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream {

/// One cell of a Markdown table: a pipe or a line break would end it.
[[nodiscard]] std::string table_cell(std::string_view text);

/// Who shows Markdown: an issue tracker also turns `@name` into a message to somebody.
enum class MarkdownFor { report, issue };

/// Text of others in a line of Markdown: neither markup of theirs nor a line of its own. A report,
/// which is read as it is, too, keeps stars and underscores; an issue shows every character.
[[nodiscard]] std::string
markdown_text(std::string_view text, MarkdownFor where = MarkdownFor::report);

/// The same in a cell of a table.
[[nodiscard]] std::string
markdown_cell(std::string_view text, MarkdownFor where = MarkdownFor::report);

/// Text or an attribute's value in HTML, SVG and JUnit XML. Control characters become '?', U+FFFE
/// and U+FFFF become U+FFFD; line breaks and tabs stay.
[[nodiscard]] std::string escape_markup(std::string_view text);

} // namespace oa_stream
