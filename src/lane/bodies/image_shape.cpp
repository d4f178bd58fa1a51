#include "image_shape.hpp"

#include <array>
#include <cstddef>
#include <optional>

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

/// The bytes behind base64, each decoded when it is asked for: few of them are.
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

private:
    [[nodiscard]] std::uint32_t value(std::size_t digit) const noexcept {
        return k_values.at(static_cast<unsigned char>(text_[digit]));
    }
    std::string_view text_;
    std::size_t size_;
};

struct Size {
    std::uint64_t width = 0;
    std::uint64_t height = 0;
};
/// Unset: the image is not whole.
using Found = std::optional<Size>;

/// Chunks of a length, a name, data and a sum, the first IHDR, the last IEND; pixels by zlib.
Found png(const Bytes& bytes) {
    constexpr std::size_t k_first = 8;
    constexpr std::size_t k_frame = 12;
    if (!bytes.says(k_first + 4, "IHDR") || bytes.big(k_first, 4) != 13) {
        return std::nullopt;
    }
    const Size size{bytes.big(k_first + 8, 4), bytes.big(k_first + 12, 4)};
    bool pixels = false;
    for (std::size_t at = k_first; at + k_frame <= bytes.size();) {
        const std::size_t length = bytes.big(at, 4);
        if (length > bytes.size() - at - k_frame) {
            return std::nullopt;
        }
        if (bytes.says(at + 4, "IEND")) {
            return pixels ? Found(size) : std::nullopt;
        }
        if (!pixels && bytes.says(at + 4, "IDAT") && length > 0) {
            const std::uint32_t head = bytes.big(at + 8, 2);
            if ((length > 1 && head % 31 != 0) || ((head >> 8U) & 0x0FU) != 8) {
                return std::nullopt;
            }
            pixels = true;
        }
        at += length + k_frame;
    }
    return std::nullopt;
}

constexpr bool is_frame(std::uint32_t marker) {
    return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// Segments of a marker and a length up to the first scan; somewhere behind it the end.
Found jpeg(const Bytes& bytes) {
    constexpr std::uint32_t k_scan = 0xDA;
    constexpr std::uint32_t k_end = 0xFFD9;
    Found size;
    for (std::size_t at = 2; at + 4 <= bytes.size();) {
        if (bytes.at(at) != 0xFF) {
            return std::nullopt;
        }
        const std::uint32_t marker = bytes.at(at + 1);
        if (marker == 0xFF) { // a filler
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

/// Pieces of up to 255 bytes; an empty one is the last. 0: they do not end.
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

/// A RIFF of the length it says, whose first chunk has the size in one of three ways.
Found webp(const Bytes& bytes) {
    constexpr std::size_t k_data = 20;
    if (!bytes.says(8, "WEBP") || std::size_t{bytes.little(4, 4)} + 8 > bytes.size() ||
        std::size_t{bytes.little(16, 4)} + k_data > bytes.size()) {
        return std::nullopt;
    }
    if (bytes.says(12, "VP8X")) {
        return Size{bytes.little(k_data + 4, 3) + 1, bytes.little(k_data + 7, 3) + 1};
    }
    if (bytes.says(12, "VP8L") && bytes.at(k_data) == 0x2F) {
        const std::uint32_t both = bytes.little(k_data + 1, 4);
        return Size{(both & 0x3FFFU) + 1, ((both >> 14U) & 0x3FFFU) + 1};
    }
    if (bytes.says(12, "VP8 ") && bytes.big(k_data + 3, 3) == 0x9D012A) {
        return Size{bytes.little(k_data + 6, 2) & 0x3FFFU, bytes.little(k_data + 8, 2) & 0x3FFFU};
    }
    return std::nullopt;
}

Found size_of(ImageFormat format, const Bytes& bytes) {
    switch (format) {
    case ImageFormat::png:
        return png(bytes);
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

std::string_view shape_fault(ImageFormat format, std::string_view data) noexcept {
    const Found size = size_of(format, Bytes(data));
    if (!size || size->width == 0 || size->height == 0) {
        return k_not_whole;
    }
    return size->width > k_most_pixels / size->height ? k_too_large : "";
}

} // namespace oa_stream::lane
