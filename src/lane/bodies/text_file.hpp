// Text files in file parts: the model gets them as text, because Codex accepts no files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// The text of a data: URL with a text type (text/*, JSON, XML, YAML); nullopt for every other URL
/// and for content that is not UTF-8.
[[nodiscard]] std::optional<std::string> text_file(std::string_view url);

/// Why text_file() cannot read a data: URL with a text type. Empty for every other URL.
[[nodiscard]] std::string_view text_file_fault(std::string_view url);

/// The form for the model: <file name="…" type="…">, the text, </file>.
[[nodiscard]] std::string
file_as_text(std::string_view name, std::string_view url, std::string_view text);

/// Of a message with such files in it, for its title: the words beside them; without any, the name
/// of the first one. A long text may be cut anywhere.
[[nodiscard]] std::string_view words_beside_files(std::string_view message);

} // namespace oa_stream::lane
