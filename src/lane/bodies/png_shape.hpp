// Checks whether a PNG can be decoded: its chunks, their checksums, its palette and its pixels.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace oa_stream::lane {

struct ImageSize {
    std::uint64_t width = 0;
    std::uint64_t height = 0;
};

/// Larger images are refused: decoded they would take half a GiB.
inline constexpr std::uint64_t k_most_pixels = std::uint64_t{1} << 27U;
/// Pixels are inflated to at most this multiple of the image's own bytes. So the cost is bounded by
/// the size of the request, however many images it has and however far they would inflate.
inline constexpr std::uint64_t k_inflated = 4;

/// Unset: the image is not complete. Ignores what decoders ignore: checksums of ancillary chunks,
/// the checksum of the pixels, bytes behind the last row.
[[nodiscard]] std::optional<ImageSize> png_size(std::string_view bytes);

} // namespace oa_stream::lane
