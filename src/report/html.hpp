// Small pieces of HTML. Private to the room.
#pragma once

#include "oa_stream/base/verdict.hpp"

#include <string>
#include <string_view>

namespace oa_stream::report::html {

/// The word with its sign: colour alone says nothing to many.
[[nodiscard]] std::string badge(Verdict verdict);
/// With another word for it.
[[nodiscard]] std::string badge(Verdict verdict, std::string_view word);

/// Everything before the body's content; the title is text.
[[nodiscard]] std::string page_head(std::string_view title);

/// A table that scrolls by itself on a narrow screen; `rows` is markup.
[[nodiscard]] std::string
table(std::string_view label, std::string_view head_row, std::string_view rows);

} // namespace oa_stream::report::html
