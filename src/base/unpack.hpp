// One compression format, fed with input and drained of output. Private to decompress.cpp and the
// two files that call the libraries.
#pragma once

#include "oa_stream/base/error.hpp"

#include <memory>
#include <span>
#include <string_view>

namespace oa_stream {

class Unpacker {
public:
    Unpacker() = default;
    Unpacker(const Unpacker&) = delete;
    Unpacker& operator=(const Unpacker&) = delete;
    virtual ~Unpacker() = default;

    /// Takes from the front of `input` and fills `room`; how much was filled. Both may be used in
    /// part. Code::protocol for damaged input, Code::internal for no memory.
    [[nodiscard]] virtual Result<std::size_t>
    step(std::string_view& input, std::span<char> room) = 0;
    /// Nothing has begun that did not end: here the input may end as well.
    [[nodiscard]] virtual bool between_members() const noexcept = 0;
};

/// nullptr for want of memory.
[[nodiscard]] std::unique_ptr<Unpacker> gzip_unpacker();
[[nodiscard]] std::unique_ptr<Unpacker> zstd_unpacker();

} // namespace oa_stream
