// The append-only log of one turn's encoded frames. Its blocks never move, so that readers send
// directly from it.
#pragma once

#include "oa_stream/net/http_server.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

class FrameLog {
public:
    /// `total` counts the bytes held by all logs; it must outlive them.
    explicit FrameLog(std::size_t& total) : total_(&total) {}
    ~FrameLog();
    FrameLog(const FrameLog&) = delete;
    FrameLog& operator=(const FrameLog&) = delete;

    /// A reader's position. Value-initialised: the beginning of the log.
    struct Cursor {
        std::uint64_t offset = 0;
        std::uint64_t block = 0; ///< number of the block that holds `offset`, since the log began
    };

    /// `frames` must be complete frames.
    void append(std::string_view frames);

    [[nodiscard]] std::uint64_t end() const noexcept { return end_; } ///< bytes ever appended
    [[nodiscard]] std::size_t held() const noexcept { return held_; } ///< bytes of its blocks
    /// False once the head was dropped: a replay from the start is no longer possible.
    [[nodiscard]] bool whole() const noexcept { return first_block_ == 0; }

    /// Offset of the oldest byte held.
    [[nodiscard]] std::uint64_t begin() const noexcept {
        return blocks_.empty() ? end_ : blocks_.front().offset;
    }
    /// Moves the cursor forward to `offset`, which must be held.
    void seek(Cursor& cursor, std::uint64_t offset) const;

    /// Fills `out` with what follows the cursor, at most `limit` bytes, and moves the cursor past
    /// it. Returns how many slices were filled; 0 at the end. The cursor must not lie in a dropped
    /// block.
    std::size_t read(Cursor& cursor, std::span<net::Slice> out, std::size_t limit) const;

    /// Drops blocks that end at or before `offset`, oldest first, until at most `keep` bytes are
    /// held.
    void drop_head(std::uint64_t offset, std::size_t keep);

    /// The number of complete frames before `offset`. It scans the log: call it only when a reader
    /// ends.
    [[nodiscard]] std::uint64_t frames_before(std::uint64_t offset) const;

private:
    struct Block {
        // NOLINTNEXTLINE(modernize-avoid-c-arrays): sized at run time, and written by frames alone
        std::shared_ptr<char[]> bytes;
        std::uint64_t offset = 0; ///< of its first byte
        std::size_t used = 0;
        std::size_t size = 0;
    };
    Block& writable(std::size_t wanted);

    std::size_t* total_;
    std::vector<Block> blocks_;
    std::uint64_t first_block_ = 0; ///< number of blocks_.front()
    std::uint64_t end_ = 0;
    std::size_t held_ = 0;
    std::uint64_t dropped_frames_ = 0;
    char dropped_last_ = '\0'; ///< last byte of the dropped head
};

} // namespace oa_stream::lane
