#include "png_shape.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_first = 8; // size of the signature
constexpr std::size_t k_frame = 12; // bytes of a chunk's length, name and checksum
constexpr std::size_t k_most_colours = 256;

const Bytef* zlib_bytes(std::string_view bytes) {
    return reinterpret_cast<const Bytef*>(bytes.data());
}

std::uint32_t number(std::string_view bytes, std::size_t at) {
    std::uint32_t out = 0;
    for (const char c : bytes.substr(at, 4)) {
        out = (out << 8U) | static_cast<unsigned char>(c);
    }
    return out;
}

struct Chunk {
    std::string_view name, data;
    bool sum_fits = false;

    /// Decoders ignore errors in the others, whose names begin with a lower-case letter.
    [[nodiscard]] bool critical() const { return (name[0] & 0x20) == 0; }
};

/// Unset: the chunk is cut off.
std::optional<Chunk> chunk_at(std::string_view bytes, std::size_t at) {
    if (at + k_frame > bytes.size() || number(bytes, at) > bytes.size() - at - k_frame) {
        return std::nullopt;
    }
    const std::size_t length = number(bytes, at);
    const auto summed = bytes.substr(at + 4, length + 4);
    const auto sum = ::crc32_z(0, zlib_bytes(summed), summed.size());
    return Chunk{
        summed.substr(0, 4), summed.substr(4), sum == number(bytes, at + k_frame - 4 + length)
    };
}

struct Colours {
    std::uint32_t kind;
    std::uint64_t channels;
    std::string_view depths; ///< allowed bit depths, one character each
};
constexpr std::array k_colours{
    Colours{0, 1, "\1\2\4\10\20"},
    Colours{2, 3, "\10\20"},
    Colours{3, 1, "\1\2\4\10"},
    Colours{4, 2, "\10\20"},
    Colours{6, 4, "\10\20"},
};
constexpr char k_palette = 3;

struct Head {
    ImageSize size;
    std::uint64_t pixel_bits = 0;
    char colours = 0;
    bool interlaced = false;
};

std::optional<Head> read_head(const Chunk& chunk) {
    if (chunk.name != "IHDR" || chunk.data.size() != 13 || !chunk.sum_fits) {
        return std::nullopt;
    }
    const auto rest = chunk.data.substr(8);
    const auto* colours =
        std::ranges::find(k_colours, static_cast<unsigned char>(rest[1]), &Colours::kind);
    if (colours == k_colours.end() || colours->depths.find(rest[0]) == std::string_view::npos ||
        rest[2] != 0 || rest[3] != 0 || (rest[4] != 0 && rest[4] != 1)) {
        return std::nullopt;
    }
    return Head{
        {number(chunk.data, 0), number(chunk.data, 4)},
        colours->channels * static_cast<unsigned char>(rest[0]),
        rest[1],
        rest[4] == 1
    };
}

/// Bytes of a part of the image: each row begins with its filter byte.
std::uint64_t row_bytes(const Head& head, std::uint64_t width, std::uint64_t height) {
    return width == 0 ? 0 : height * (1 + (width * head.pixel_bits + 7) / 8);
}

struct Pass {
    std::uint64_t x, y, dx, dy;
};
constexpr std::array k_adam7{
    Pass{0, 0, 8, 8},
    Pass{4, 0, 8, 8},
    Pass{0, 4, 4, 8},
    Pass{2, 0, 4, 4},
    Pass{0, 2, 2, 4},
    Pass{1, 0, 2, 2},
    Pass{0, 1, 1, 2},
};

std::uint64_t inflated_bytes(const Head& head) {
    if (!head.interlaced) {
        return row_bytes(head, head.size.width, head.size.height);
    }
    std::uint64_t sum = 0;
    for (const Pass& pass : k_adam7) {
        const auto share = [](std::uint64_t size, std::uint64_t from, std::uint64_t step) {
            return size > from ? (size - from + step - 1) / step : 0;
        };
        sum += row_bytes(
            head, share(head.size.width, pass.x, pass.dx), share(head.size.height, pass.y, pass.dy)
        );
    }
    return sum;
}

class Pixels {
public:
    explicit Pixels(std::uint64_t needed) : missing_(needed) {
        usable_ = ::inflateInit(&stream_) == Z_OK;
    }
    Pixels(const Pixels&) = delete;
    Pixels& operator=(const Pixels&) = delete;
    ~Pixels() { ::inflateEnd(&stream_); }

    /// False when they cannot be inflated.
    [[nodiscard]] bool add(std::string_view bytes) {
        // zlib's interface takes non-const input but does not write to it.
        stream_.next_in = const_cast<Bytef*>(zlib_bytes(bytes));
        stream_.avail_in = static_cast<uInt>(bytes.size());
        while (usable_ && missing_ > 0 && stream_.avail_in > 0) {
            std::array<Bytef, std::size_t{32} << 10U> out;
            stream_.next_out = out.data();
            stream_.avail_out = static_cast<uInt>(std::min<std::uint64_t>(missing_, out.size()));
            const uInt room = stream_.avail_out;
            const int done = ::inflate(&stream_, Z_NO_FLUSH);
            missing_ -= room - stream_.avail_out;
            if (done != Z_OK) {
                return missing_ == 0 || (done == Z_BUF_ERROR && stream_.avail_in == 0);
            }
        }
        return usable_;
    }
    [[nodiscard]] bool enough() const { return missing_ == 0; }

private:
    z_stream stream_{};
    std::uint64_t missing_;
    bool usable_ = false;
};

bool is_palette(const Chunk& chunk) {
    const auto size = chunk.data.size();
    return size > 0 && size % 3 == 0 && size / 3 <= k_most_colours;
}

} // namespace

std::optional<ImageSize> png_size(std::string_view bytes) {
    static_assert(std::numeric_limits<uInt>::max() >= std::numeric_limits<std::uint32_t>::max());
    const auto first = chunk_at(bytes, k_first);
    const auto head = first ? read_head(*first) : std::nullopt;
    if (!head) {
        return std::nullopt;
    }
    const auto [width, height] = head->size;
    if (width == 0 || height == 0 || width > k_most_pixels / height) {
        return head->size;
    }
    Pixels pixels(std::min(inflated_bytes(*head), k_inflated * bytes.size()));
    bool palette = head->colours != k_palette;
    for (std::size_t at = k_first + k_frame + first->data.size();;) {
        const auto chunk = chunk_at(bytes, at);
        if (!chunk || (chunk->critical() && !chunk->sum_fits)) {
            return std::nullopt;
        }
        if (chunk->name == "IEND") {
            return pixels.enough() ? std::optional(head->size) : std::nullopt;
        }
        if (chunk->name == "PLTE" && head->colours == k_palette) {
            palette = is_palette(*chunk);
        }
        if (chunk->name == "IDAT" && (!palette || !pixels.add(chunk->data))) {
            return std::nullopt;
        }
        at += k_frame + chunk->data.size();
    }
}

} // namespace oa_stream::lane
