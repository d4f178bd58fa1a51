// SHA-256 and base64.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream {

/// Lower-case hex, 64 characters.
[[nodiscard]] std::string sha256_hex(std::string_view bytes);
/// The same of a file, read in pieces. Code::unreadable.
[[nodiscard]] Result<std::string> sha256_of_file(const std::filesystem::path& path);

/// HMAC-SHA256 (RFC 2104): 32 raw bytes.
[[nodiscard]] std::string hmac_sha256(std::string_view key, std::string_view bytes);

/// With padding, without line breaks.
[[nodiscard]] std::string base64(std::string_view bytes);

/// base64url without padding (RFC 7515, as in a JSON Web Token); nullopt for anything else.
[[nodiscard]] std::optional<std::string> base64url_decoded(std::string_view text);

struct SumLine {
    std::string_view whole;
    std::string_view digest{}; ///< empty: the line is not as sha256sum writes it
    std::string_view file{};
};
/// The lines of a SHA256SUMS; they live as long as `text`.
[[nodiscard]] std::vector<SumLine> sum_lines(std::string_view text);

} // namespace oa_stream
