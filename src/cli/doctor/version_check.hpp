// The newest release, by the document that a person names.
#pragma once

#include "oa_stream/base/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// "1.2.3", also as "v1.2.3". Code::protocol for anything else.
[[nodiscard]] Result<std::array<std::uint64_t, 3>> parse_release(std::string_view text);

/// The release that a JSON document names: `version`, or `tag_name` as GitHub's API says it.
[[nodiscard]] Result<std::string> release_in(std::string_view document);

/// Asks for that document, once. Code::network, timeout or protocol when there is no such answer.
[[nodiscard]] Result<std::string> newest_release(const std::string& url);

} // namespace oa_stream::cli
