// What a rotated log may hold: no crash, and never more output than was allowed.
#include "oa_stream/base/decompress.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace oa_stream;

namespace {

constexpr DecompressLimits k_limits{
    .output = std::uint64_t{1} << 20U, .ratio = 50, .grace = std::uint64_t{64} << 10U
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    auto reader = Decompressor::open_bytes(bytes, k_limits);
    if (reader.has_value() && compression_of(bytes) == Compression::none) {
        std::abort();
    }
    std::uint64_t given = 0;
    while (reader) {
        const auto piece = reader->next();
        if (!piece || piece->empty()) {
            break;
        }
        given += piece->size();
        if (given > k_limits.output || (given > k_limits.grace && given / k_limits.ratio > size)) {
            std::abort();
        }
    }
    return 0;
}
