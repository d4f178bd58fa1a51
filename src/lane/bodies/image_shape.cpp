#include "image_shape.hpp"

#include "png_shape.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <string>

namespace oa_stream::lane {

namespace {

constexpr std::string_view k_not_whole = "an image must be whole";
constexpr std::string_view k_too_large = "an image must have at most 134 million pixels";

constexpr std::array<std::uint8_t, 256> make_digits() {
    constexpr std::string_view k_digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::array<std::uint8_t, 256> values{};
    for (std::size_t i = 0; i < k_digits.size(); ++i) {
        values.at(static_cast<unsigned char>(k_digits[i])) = static_cast<std::uint8_t>(i);
    }
    return values;
}
constexpr auto k_values = make_digits();

/// The bytes behind base64. Each is decoded on access: only few are needed.
class Bytes {
public:
    explicit Bytes(std::string_view text) : text_(text), size_(text.size() / 4 * 3) {
        size_ -= text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Beyond the end: 0.
    [[nodiscard]] std::uint32_t at(std::size_t index) const noexcept {
        if (index >= size_) {
            return 0;
        }
        const std::size_t digit = index / 3 * 4 + index % 3;
        const auto shift = static_cast<unsigned>(index % 3 * 2);
        const std::uint32_t both = (value(digit) << 6U) | value(digit + 1);
        return (both >> (4U - shift)) & 0xFFU;
    }
    [[nodiscard]] std::uint32_t big(std::size_t index, std::size_t bytes) const noexcept {
        std::uint32_t number = 0;
        for (std::size_t i = 0; i < bytes; ++i) {
            number = (number << 8U) | at(index + i);
        }
        return number;
    }
    [[nodiscard]] std::uint32_t little(std::size_t index, std::size_t bytes) const noexcept {
        std::uint32_t number = 0;
        for (std::size_t i = bytes; i > 0; --i) {
            number = (number << 8U) | at(index + i - 1);
        }
        return number;
    }
    [[nodiscard]] bool says(std::size_t index, std::string_view word) const noexcept {
        for (std::size_t i = 0; i < word.size(); ++i) {
            if (at(index + i) != static_cast<unsigned char>(word[i])) {
                return false;
            }
        }
        return index + word.size() <= size_;
    }

    [[nodiscard]] std::string all() const {
        std::string out;
        out.reserve(text_.size() / 4 * 3);
        for (std::size_t digit = 0; digit + 4 <= text_.size(); digit += 4) {
            const std::uint32_t three = (value(digit) << 18U) | (value(digit + 1) << 12U) |
                                        (value(digit + 2) << 6U) | value(digit + 3);
            out += static_cast<char>(three >> 16U);
            out += static_cast<char>(three >> 8U);
            out += static_cast<char>(three);
        }
        out.resize(size_);
        return out;
    }

private:
    [[nodiscard]] std::uint32_t value(std::size_t digit) const noexcept {
        return k_values.at(static_cast<unsigned char>(text_[digit]));
    }
    std::string_view text_;
    std::size_t size_;
};

using Size = ImageSize;
/// Unset: the image is incomplete.
using Found = std::optional<Size>;

constexpr bool is_frame(std::uint32_t marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Segments of a marker and a length up to the first scan, and the end marker somewhere behind it.
Found jpeg(const Bytes& bytes) {
    constexpr std::uint32_t k_scan = 0xDA;
    constexpr std::uint32_t k_end = 0xFFD9;
    Found size;
    for (std::size_t at = 2; at + 4 <= bytes.size();) {
        if (bytes.at(at) != 0xFF) {
            return std::nullopt;
        }
        const std::uint32_t marker = bytes.at(at + 1);
        if (marker == 0xFF) { // fill byte
            ++at;
            continue;
        }
        if (is_frame(marker)) {
            size = Size{bytes.big(at + 7, 2), bytes.big(at + 5, 2)};
        }
        const std::size_t length = bytes.big(at + 2, 2);
        if (length < 2) {
            return std::nullopt;
        }
        at += 2 + length;
        if (marker == k_scan) {
            for (std::size_t end = bytes.size(); end >= at + 2; --end) {
                if (bytes.big(end - 2, 2) == k_end) {
                    return size;
                }
            }
            return std::nullopt;
        }
    }
    return std::nullopt;
}

/// Skips pieces of up to 255 bytes; an empty piece is the last. 0: the last piece is missing.
std::size_t after_pieces(const Bytes& bytes, std::size_t at) {
    while (at < bytes.size() && bytes.at(at) != 0) {
        at += 1 + bytes.at(at);
    }
    return at < bytes.size() ? at + 1 : 0;
}

std::size_t colours(std::uint32_t flags) {
    return (flags & 0x80U) == 0 ? 0 : std::size_t{3} << ((flags & 0x07U) + 1);
}

/// Extensions and images, at least one, up to the trailer.
Found gif(const Bytes& bytes) {
    const Size size{bytes.little(6, 2), bytes.little(8, 2)};
    bool image = false;
    for (std::size_t at = 13 + colours(bytes.at(10)); at != 0 && at < bytes.size();) {
        const std::uint32_t kind = bytes.at(at);
        if (kind == 0x3B) {
            return image ? Found(size) : std::nullopt;
        }
        if (kind == 0x21) {
            at = after_pieces(bytes, at + 2);
        } else if (kind == 0x2C) {
            at = after_pieces(bytes, at + 11 + colours(bytes.at(at + 9)));
            image = true;
        } else {
            return std::nullopt;
        }
    }
    return std::nullopt;
}

constexpr std::size_t k_riff_frame = 8; // name, length

/// The size in the bitstream chunk at `at`, which has one of two forms.
Found webp_image(const Bytes& bytes, std::size_t at) {
    const std::size_t data = at + k_riff_frame;
    if (bytes.says(at, "VP8L") && bytes.at(data) == 0x2F) {
        const std::uint32_t both = bytes.little(data + 1, 4);
        return Size{(both & 0x3FFFU) + 1, ((both >> 14U) & 0x3FFFU) + 1};
    }
    if (bytes.says(at, "VP8 ") && bytes.big(data + 3, 3) == 0x9D012A) {
        return Size{bytes.little(data + 6, 2) & 0x3FFFU, bytes.little(data + 8, 2) & 0x3FFFU};
    }
    return std::nullopt;
}

/// A still image must fill its canvas; frames of an animation must lie within it.
bool fits_canvas(const Bytes& bytes, std::size_t at, const Size& canvas) {
    if (!bytes.says(at, "ANMF")) {
        const Found image = webp_image(bytes, at);
        return image && image->width == canvas.width && image->height == canvas.height;
    }
    const std::size_t data = at + k_riff_frame;
    const std::uint64_t x = 2 * std::uint64_t{bytes.little(data, 3)};
    const std::uint64_t y = 2 * std::uint64_t{bytes.little(data + 3, 3)};
    return x + bytes.little(data + 6, 3) + 1 <= canvas.width &&
           y + bytes.little(data + 9, 3) + 1 <= canvas.height;
}

/// The chunks behind VP8X up to the end: at least one image, and each chunk within the file.
Found webp_extended(const Bytes& bytes, std::size_t end) {
    constexpr std::size_t k_head = 12;
    constexpr std::size_t k_least = 10;
    const std::size_t data = k_head + k_riff_frame;
    const Size canvas{bytes.little(data + 4, 3) + 1, bytes.little(data + 7, 3) + 1};
    bool image = false;
    std::size_t length = bytes.little(k_head + 4, 4);
    if (length < k_least) {
        return std::nullopt;
    }
    std::size_t at = data + length + length % 2;
    for (; at + k_riff_frame <= end; at += k_riff_frame + length + length % 2) {
        length = bytes.little(at + 4, 4);
        if (length > end - at - k_riff_frame) {
            return std::nullopt;
        }
        if (bytes.says(at, "ANMF") || bytes.says(at, "VP8 ") || bytes.says(at, "VP8L")) {
            if (!fits_canvas(bytes, at, canvas)) {
                return std::nullopt;
            }
            image = true;
        }
    }
    return image ? Found(canvas) : std::nullopt;
}

/// A RIFF file of the length in its header; its first chunk has the size in one of three forms.
Found webp(const Bytes& bytes) {
    constexpr std::size_t k_first = 12;
    const std::size_t end = std::size_t{bytes.little(4, 4)} + k_riff_frame;
    if (!bytes.says(8, "WEBP") || end > bytes.size() ||
        std::size_t{bytes.little(k_first + 4, 4)} + k_first + k_riff_frame > bytes.size()) {
        return std::nullopt;
    }
    return bytes.says(k_first, "VP8X") ? webp_extended(bytes, end) : webp_image(bytes, k_first);
}

Found size_of(ImageFormat format, const Bytes& bytes) {
    switch (format) {
    case ImageFormat::png:
        return png_size(bytes.all());
    case ImageFormat::jpeg:
        return jpeg(bytes);
    case ImageFormat::gif:
        return gif(bytes);
    case ImageFormat::webp:
        return webp(bytes);
    }
    return std::nullopt;
}

} // namespace

std::string_view shape_fault(ImageFormat format, std::string_view data) {
    const Found size = size_of(format, Bytes(data));
    if (!size || size->width == 0 || size->height == 0) {
        return k_not_whole;
    }
    return size->width > k_most_pixels / size->height ? k_too_large : "";
}

} // namespace oa_stream::lane
