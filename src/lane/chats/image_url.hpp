// Checks whether a model can get a client's image. Codex refuses other URLs, and silently ignores
// data that it cannot read: the model would answer as if there was no image.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::lane {

/// What is wrong, as "an image must …"; empty when nothing is. Checks the base64 and the structure
/// of the format that the data begins with, whatever type the URL states; for PNG also its pixels.
[[nodiscard]] std::string_view image_fault(std::string_view url);

/// Normalises a client's URL for the functions here and for Codex: the scheme and the media type of
/// a data: URL in lower case. Their case has no meaning (RFC 2397, RFC 3986).
[[nodiscard]] std::string normal_data_url(std::string url);

/// The type that a data: URL states; empty for every other URL.
[[nodiscard]] std::string_view data_type(std::string_view url) noexcept;

/// Whether a data: URL's type ends with ";base64", in any case and with spaces around the word, as
/// browsers accept it.
[[nodiscard]] bool says_base64(std::string_view url) noexcept;

} // namespace oa_stream::lane
