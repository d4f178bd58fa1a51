// The only file that calls zstd.
#include "unpack.hpp"

#include <fmt/format.h>

#include <zstd.h>

namespace oa_stream {
namespace {

/// What `zstd --long` writes without a number: 128 MiB. A frame that asks for more is refused.
constexpr int k_window_log = 27;

struct ContextCloser {
    void operator()(ZSTD_DCtx* context) const noexcept { ::ZSTD_freeDCtx(context); }
};

class ZstdUnpacker final : public Unpacker {
public:
    ZstdUnpacker() : context_(::ZSTD_createDCtx()) {
        ready_ = context_ != nullptr &&
                 ::ZSTD_isError(
                     ::ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, k_window_log)
                 ) == 0;
    }
    [[nodiscard]] bool ready() const noexcept { return ready_; }

    [[nodiscard]] Result<std::size_t> step(std::string_view& input, std::span<char> room) override {
        ZSTD_inBuffer in{.src = input.data(), .size = input.size(), .pos = 0};
        ZSTD_outBuffer out{.dst = room.data(), .size = room.size(), .pos = 0};
        const std::size_t hint = ::ZSTD_decompressStream(context_.get(), &out, &in);
        input.remove_prefix(in.pos);
        if (::ZSTD_isError(hint) != 0) {
            return fail(Code::protocol, fmt::format("zstd: {}", ::ZSTD_getErrorName(hint)));
        }
        // Asked for more after the end of a frame, it waits for the next: nothing has begun yet.
        between_ = hint == 0 || (between_ && in.pos == 0 && out.pos == 0);
        return out.pos;
    }
    [[nodiscard]] bool between_members() const noexcept override { return between_; }

private:
    std::unique_ptr<ZSTD_DCtx, ContextCloser> context_;
    bool ready_ = false;
    bool between_ = true;
};

} // namespace

std::unique_ptr<Unpacker> zstd_unpacker() {
    auto made = std::make_unique<ZstdUnpacker>();
    return made->ready() ? std::unique_ptr<Unpacker>(std::move(made)) : nullptr;
}

} // namespace oa_stream
