// SHA-256, for plan ids and SHA256SUMS.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace oa_stream::evidence {

/// Lower-case hex, 64 characters.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
/// The same of a file, read in pieces. Code::unreadable.
[[nodiscard]] Result<std::string> sha256_of_file(const std::filesystem::path& path);

} // namespace oa_stream::evidence
