// Finds the newest release, from a document that the user names.
#pragma once

#include "oa_stream/base/error.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// Parses "1.2.3" or "v1.2.3". Code::protocol for anything else.
[[nodiscard]] Result<std::array<std::uint64_t, 3>> parse_release(std::string_view text);

/// The release named in a JSON document: `version`, or `tag_name` as in GitHub's API.
[[nodiscard]] Result<std::string> release_in(std::string_view document);

/// Requests that document once. Code::network, timeout or protocol when there is no valid answer.
[[nodiscard]] Result<std::string> newest_release(const std::string& url);

} // namespace oa_stream::cli
