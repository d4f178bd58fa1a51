// Text in a file part: told to the model as text, as Codex takes no files.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::lane {

/// The text of a data: URL of a type that is text (text/*, JSON, XML, YAML); nullopt for every
/// other URL and for what is not UTF-8.
[[nodiscard]] std::optional<std::string> text_file(std::string_view url);

/// Of a data: URL of such a type that text_file() cannot read: why. Empty for every other URL.
[[nodiscard]] std::string_view text_file_fault(std::string_view url);

/// As the model reads it: <file name="…" type="…">, the text, </file>.
[[nodiscard]] std::string
file_as_text(std::string_view name, std::string_view url, std::string_view text);

} // namespace oa_stream::lane
