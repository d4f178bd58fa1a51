// The only file that calls zlib. Checks each member's checksum and length, which libarchive's gzip
// filter does not.
#include "unpack.hpp"

#include <fmt/format.h>

#include <zlib.h>

#include <algorithm>

namespace oa_stream {
namespace {

// The largest window, in gzip framing alone (zlib.h, inflateInit2).
constexpr int k_gzip_window = 15 + 16;
constexpr std::size_t k_at_once = std::size_t{1} << 30U; ///< zlib counts in unsigned

class GzipUnpacker final : public Unpacker {
public:
    GzipUnpacker() : ready_(::inflateInit2(&stream_, k_gzip_window) == Z_OK) {}
    GzipUnpacker(const GzipUnpacker&) = delete;
    GzipUnpacker& operator=(const GzipUnpacker&) = delete;
    ~GzipUnpacker() override {
        if (ready_) {
            ::inflateEnd(&stream_);
        }
    }
    [[nodiscard]] bool ready() const noexcept { return ready_; }

    [[nodiscard]] Result<std::size_t> step(std::string_view& input, std::span<char> room) override {
        if (between_ && !begin_member(input)) {
            return std::size_t{0};
        }
        // zlib takes its input as not const, and does not write to it.
        stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
        const std::size_t offered = std::min(input.size(), k_at_once);
        stream_.avail_in = static_cast<uInt>(offered);
        stream_.next_out = reinterpret_cast<Bytef*>(room.data());
        stream_.avail_out = static_cast<uInt>(room.size());
        const int got = ::inflate(&stream_, Z_NO_FLUSH);
        input.remove_prefix(offered - stream_.avail_in);
        between_ = got == Z_STREAM_END;
        if (got != Z_OK && got != Z_STREAM_END && got != Z_BUF_ERROR) {
            const char* why = stream_.msg == nullptr ? ::zError(got) : stream_.msg;
            return fail(
                got == Z_MEM_ERROR ? Code::internal : Code::protocol, fmt::format("gzip: {}", why)
            );
        }
        return room.size() - stream_.avail_out;
    }
    [[nodiscard]] bool between_members() const noexcept override { return between_; }

private:
    /// Padding with zeros behind a member is allowed, as gzip itself allows it.
    bool begin_member(std::string_view& input) {
        input.remove_prefix(begun_ ? std::min(input.find_first_not_of('\0'), input.size()) : 0);
        if (input.empty()) {
            return false;
        }
        ::inflateReset(&stream_);
        begun_ = true;
        between_ = false;
        return true;
    }

    z_stream stream_{};
    bool ready_;
    bool begun_ = false;
    bool between_ = true;
};

} // namespace

std::unique_ptr<Unpacker> gzip_unpacker() {
    auto made = std::make_unique<GzipUnpacker>();
    return made->ready() ? std::unique_ptr<Unpacker>(std::move(made)) : nullptr;
}

} // namespace oa_stream
