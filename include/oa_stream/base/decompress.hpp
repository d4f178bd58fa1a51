// Compressed files read piece by piece, with a cap on what may come out of them.
#pragma once

#include "oa_stream/base/error.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>

namespace oa_stream {

enum class Compression { none, gzip, zstd };
/// By what the bytes begin with, never by a file's name. Four bytes are enough.
[[nodiscard]] Compression compression_of(std::string_view head) noexcept;
[[nodiscard]] std::string_view to_string(Compression compression) noexcept;

/// A small file that unpacks to a huge one is refused as soon as that shows.
struct DecompressLimits {
    std::uint64_t output = std::uint64_t{1} << 30U; ///< bytes in all
    /// Output over input, looked at from `grace` bytes of output on. What we write ourselves
    /// shrinks to a tenth; the same line a million times to a thousandth.
    std::uint64_t ratio = 400;
    std::uint64_t grace = std::uint64_t{16} << 20U;
    bool one_member = false; ///< whatever follows the first member or frame is Code::protocol
};

/// Several members or frames one after the other are one. Holds one block (128 KiB) of output and
/// the format's own window. One thread.
class Decompressor {
public:
    /// gzip and zstd; anything else is Code::protocol. Code::unreadable when it cannot be opened.
    [[nodiscard]] static Result<Decompressor>
    open(const std::filesystem::path& path, DecompressLimits limits = {});
    /// The same of bytes in memory, which outlive it.
    [[nodiscard]] static Result<Decompressor>
    open_bytes(std::string_view bytes, DecompressLimits limits = {});

    Decompressor(Decompressor&& other) noexcept;
    Decompressor& operator=(Decompressor&& other) noexcept;
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;
    ~Decompressor();

    /// The next bytes, valid until the next call; empty at the end. Code::protocol for damaged or
    /// truncated input, Code::too_large beyond the limits, Code::unreadable for a failing disk;
    /// after an error the same error again.
    [[nodiscard]] Result<std::string_view> next();

private:
    class Impl;
    explicit Decompressor(std::unique_ptr<Impl> impl) noexcept;
    std::unique_ptr<Impl> impl_;
};

} // namespace oa_stream
