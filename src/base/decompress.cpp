#include "oa_stream/base/decompress.hpp"

#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/process.hpp"

#include "unpack.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace oa_stream {

namespace {

constexpr std::size_t k_input_block = std::size_t{64} << 10U;
constexpr std::size_t k_output_block = std::size_t{128} << 10U;

} // namespace

Compression compression_of(std::string_view head) noexcept {
    if (head.starts_with("\x1f\x8b")) {
        return Compression::gzip;
    }
    return head.starts_with("\x28\xb5\x2f\xfd") ? Compression::zstd : Compression::none;
}

std::string_view to_string(Compression compression) noexcept {
    static constexpr std::array<std::string_view, 3> k_words{"none", "gzip", "zstd"};
    return enum_word<Compression::zstd>(k_words, compression);
}

class Decompressor::Impl {
public:
    Impl(std::string where, DecompressLimits limits) : where_(std::move(where)), limits_(limits) {}

    [[nodiscard]] Result<void> start_file() {
        fd_ = Descriptor(::open(where_.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd_) {
            return std::unexpected(unreadable());
        }
        OA_CHECK(fill());
        return start();
    }
    [[nodiscard]] Result<void> start_bytes(std::string_view bytes) {
        pending_ = bytes;
        taken_ = bytes.size();
        return start();
    }

    [[nodiscard]] Result<std::string_view> next() {
        if (!failed_) {
            auto piece = piece_of();
            if (piece) {
                return piece;
            }
            failed_ = std::move(piece).error();
        }
        return std::unexpected(*failed_);
    }

private:
    [[nodiscard]] Result<void> start();
    [[nodiscard]] Result<void> fill();
    [[nodiscard]] Result<std::string_view> piece_of();
    [[nodiscard]] Result<void> count(std::size_t bytes);
    [[nodiscard]] Error unreadable() const {
        return {
            .code = Code::unreadable,
            .message = fmt::format("cannot read: {}", errno_text(errno)),
            .where = where_
        };
    }

    std::string where_;
    DecompressLimits limits_;
    std::unique_ptr<Unpacker> unpacker_{};
    Descriptor fd_{};
    std::string_view pending_{}; ///< input not yet unpacked
    std::array<char, k_input_block> input_{};
    std::array<char, k_output_block> output_{};
    std::uint64_t taken_ = 0;
    std::uint64_t given_ = 0;
    bool begun_ = false;
    std::optional<Error> failed_{};
};

Result<void> Decompressor::Impl::start() {
    const Compression compression = compression_of(pending_);
    if (compression == Compression::none) {
        return fail(Code::protocol, "neither gzip nor zstd", where_);
    }
    unpacker_ = compression == Compression::gzip ? gzip_unpacker() : zstd_unpacker();
    if (!unpacker_) {
        return fail(Code::internal, "no memory to unpack with", where_);
    }
    return {};
}

/// Reads the next block of a file; nothing is pending afterwards only at its end.
Result<void> Decompressor::Impl::fill() {
    if (!fd_) {
        return {};
    }
    ssize_t got = 0;
    do {
        got = ::read(fd_.get(), input_.data(), input_.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        return std::unexpected(unreadable());
    }
    pending_ = {input_.data(), static_cast<std::size_t>(got)};
    taken_ += pending_.size();
    return {};
}

Result<std::string_view> Decompressor::Impl::piece_of() {
    for (;;) {
        if (pending_.empty()) {
            OA_CHECK(fill());
        }
        const bool at_end = pending_.empty();
        if (!at_end && limits_.one_member && begun_ && unpacker_->between_members()) {
            return fail(Code::protocol, "damaged: there is data after its end", where_);
        }
        begun_ = true;
        auto filled = unpacker_->step(pending_, output_);
        if (!filled) {
            auto error = std::move(filled).error().prefixed("damaged");
            error.where = where_;
            return std::unexpected(std::move(error));
        }
        if (*filled > 0) {
            OA_CHECK(count(*filled));
            return std::string_view(output_.data(), *filled);
        }
        if (at_end && !unpacker_->between_members()) {
            return fail(Code::protocol, "damaged: cut short", where_);
        }
        if (at_end) {
            return std::string_view();
        }
    }
}

Result<void> Decompressor::Impl::count(std::size_t bytes) {
    given_ += bytes;
    if (given_ > limits_.output) {
        return fail(
            Code::too_large, fmt::format("unpacks to more than {} bytes", limits_.output), where_
        );
    }
    if (given_ > limits_.grace && given_ / limits_.ratio > taken_) {
        return fail(
            Code::too_large,
            fmt::format("unpacks to more than {} times its size", limits_.ratio),
            where_
        );
    }
    return {};
}

Decompressor::Decompressor(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {
}
Decompressor::Decompressor(Decompressor&& other) noexcept = default;
Decompressor& Decompressor::operator=(Decompressor&& other) noexcept = default;
Decompressor::~Decompressor() = default;

Result<Decompressor>
Decompressor::open(const std::filesystem::path& path, DecompressLimits limits) {
    auto impl = std::make_unique<Impl>(path.string(), limits);
    OA_CHECK(impl->start_file());
    return Decompressor(std::move(impl));
}

Result<Decompressor> Decompressor::open_bytes(std::string_view bytes, DecompressLimits limits) {
    auto impl = std::make_unique<Impl>("", limits);
    OA_CHECK(impl->start_bytes(bytes));
    return Decompressor(std::move(impl));
}

Result<std::string_view> Decompressor::next() {
    return impl_->next();
}

} // namespace oa_stream
