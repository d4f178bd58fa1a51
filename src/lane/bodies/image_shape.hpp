// Whether the bytes of an image are whole, by the structure of its format: what a decoder meets
// before it looks at a pixel. Of PNG the pixels as well, where Codex would drop the image silently.
#pragma once

#include <string_view>

namespace oa_stream::lane {

enum class ImageFormat { png, jpeg, gif, webp };

/// Why not, as "an image must …"; empty: nothing is wrong with it. `data` is base64, padded, of a
/// length that four divides. Bytes after the image's end do not count: cameras append to it.
[[nodiscard]] std::string_view shape_fault(ImageFormat format, std::string_view data);

} // namespace oa_stream::lane
