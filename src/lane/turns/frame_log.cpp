#include "frame_log.hpp"

#include "oa_stream/wire/sse.hpp"

#include <algorithm>
#include <cstring>

namespace oa_stream::lane {

namespace {

// Most turns are short: the first block is small, and each next one is a quarter of the bytes held,
// up to k_block. So ten thousand turns hold little more memory than their frames need.
constexpr std::size_t k_first_block = 512;
constexpr std::size_t k_block = 16U << 10U;
constexpr std::size_t k_largest_block = 64U << 10U;

std::uint64_t count_ends(std::string_view bytes, char before) noexcept {
    std::uint64_t ends = before == '\n' && bytes.starts_with('\n') ? 1 : 0;
    for (auto at = bytes.find(wire::k_sse_end); at != bytes.npos;
         at = bytes.find(wire::k_sse_end, at + 2)) {
        ++ends;
    }
    return ends;
}

} // namespace

FrameLog::~FrameLog() {
    *total_ -= held_;
}

FrameLog::Block& FrameLog::writable(std::size_t wanted) {
    if (!blocks_.empty() && blocks_.back().used < blocks_.back().size) {
        return blocks_.back();
    }
    const auto least = std::clamp(held_ / 4, k_first_block, k_block);
    const auto size = std::clamp(wanted, least, k_largest_block);
    // NOLINTNEXTLINE(modernize-avoid-c-arrays): as in Block
    blocks_.push_back({std::make_shared_for_overwrite<char[]>(size), end_, 0, size});
    held_ += size;
    *total_ += size;
    return blocks_.back();
}

void FrameLog::append(std::string_view frames) {
    while (!frames.empty()) {
        auto& block = writable(frames.size());
        const auto size = std::min(frames.size(), block.size - block.used);
        std::memcpy(block.bytes.get() + block.used, frames.data(), size);
        block.used += size;
        end_ += size;
        frames.remove_prefix(size);
    }
}

void FrameLog::seek(Cursor& cursor, std::uint64_t offset) const {
    cursor.offset = offset;
    cursor.block = std::max(cursor.block, first_block_);
    while (cursor.block + 1 - first_block_ < blocks_.size()) {
        const auto& block = blocks_[static_cast<std::size_t>(cursor.block - first_block_)];
        if (offset < block.offset + block.used) {
            return;
        }
        ++cursor.block;
    }
}

std::size_t FrameLog::read(Cursor& cursor, std::span<net::Slice> out, std::size_t limit) const {
    std::size_t filled = 0;
    cursor.block = std::max(cursor.block, first_block_);
    while (filled < out.size() && limit > 0 && cursor.offset < end_) {
        const auto& block = blocks_[static_cast<std::size_t>(cursor.block - first_block_)];
        const auto from = static_cast<std::size_t>(cursor.offset - block.offset);
        if (from == block.used) {
            ++cursor.block;
            continue;
        }
        const auto size = std::min(block.used - from, limit);
        out[filled].owner = block.bytes;
        out[filled].bytes = {block.bytes.get() + from, size};
        ++filled;
        cursor.offset += size;
        limit -= size;
    }
    return filled;
}

void FrameLog::drop_head(std::uint64_t offset, std::size_t keep) {
    while (held_ > keep && blocks_.size() > 1) {
        const auto& block = blocks_.front();
        if (block.offset + block.used > offset) {
            return;
        }
        const std::string_view bytes(block.bytes.get(), block.used);
        dropped_frames_ += count_ends(bytes, dropped_last_);
        dropped_last_ = bytes.back();
        held_ -= block.size;
        *total_ -= block.size;
        blocks_.erase(blocks_.begin());
        ++first_block_;
    }
}

std::uint64_t FrameLog::frames_before(std::uint64_t offset) const {
    auto frames = dropped_frames_;
    char before = dropped_last_;
    for (const auto& block : blocks_) {
        if (block.offset >= offset) {
            break;
        }
        const auto size = std::min<std::uint64_t>(block.used, offset - block.offset);
        const std::string_view bytes(block.bytes.get(), static_cast<std::size_t>(size));
        frames += count_ends(bytes, before);
        before = bytes.empty() ? before : bytes.back();
    }
    return frames;
}

} // namespace oa_stream::lane
