// Checks whether an image is complete, by the structure of its format: what a decoder checks before
// it decodes pixels. A PNG's pixels are checked, too, because Codex would drop a broken one
// silently.
#pragma once

#include <string_view>

namespace oa_stream::lane {

enum class ImageFormat { png, jpeg, gif, webp };

/// What is wrong, as "an image must …"; empty when nothing is. `data` is padded base64 whose length
/// is a multiple of four. Bytes after the image's end are ignored: cameras append some.
[[nodiscard]] std::string_view shape_fault(ImageFormat format, std::string_view data);

} // namespace oa_stream::lane
