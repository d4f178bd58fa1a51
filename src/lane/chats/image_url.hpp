// Whether a client's image can be told to a model. Codex refuses every other URL, and leaves out
// data that it cannot read without an error: the model would answer as if there was no image.
#pragma once

#include <string>
#include <string_view>

namespace oa_stream::lane {

/// Why not, as "an image must …"; empty: it can. Looks at the base64 and the structure
/// of the format that the data begins with, whatever type the URL says; of PNG at its pixels, too.
[[nodiscard]] std::string_view image_fault(std::string_view url);

/// A client's URL as the functions here and Codex read it: of a data: URL the scheme and the media
/// type in lower case. Their case means nothing (RFC 2397, RFC 3986).
[[nodiscard]] std::string normal_data_url(std::string url);

/// The type that a data: URL says; empty for every other URL.
[[nodiscard]] std::string_view data_type(std::string_view url) noexcept;

/// The data of a data: URL is base64: its type ends with ";base64", in any case and with spaces
/// around the word, as browsers read it.
[[nodiscard]] bool says_base64(std::string_view url) noexcept;

} // namespace oa_stream::lane
