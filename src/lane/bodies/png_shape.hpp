// Whether a PNG can be decoded: its chunks, their sums, its palette and its pixels.
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

/// More pixels than this are refused: decoded they take half a GiB.
inline constexpr std::uint64_t k_most_pixels = std::uint64_t{1} << 27U;
/// Pixels are inflated up to so many times the image's own bytes: however many images a message
/// has, and however far they inflate, what it costs is bounded by what was sent.
inline constexpr std::uint64_t k_inflated = 4;

/// Unset: the image is not whole. What decoders pass over is passed over: sums of ancillary chunks,
/// the sum of the pixels, bytes behind the last row.
[[nodiscard]] std::optional<ImageSize> png_size(std::string_view bytes);

} // namespace oa_stream::lane
