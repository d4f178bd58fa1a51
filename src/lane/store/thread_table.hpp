// The id map's rows in memory: about 60 bytes plus its texts for each. Lookup by (owner, id). Per
// owner, the rows are ordered by update time, newest first; within a second by id, the largest
// first.
#pragma once

#include "oa_stream/base/text.hpp"

#include "thread_log.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

class ThreadTable {
public:
    using Index = std::uint32_t; ///< of a row; stays until the row is erased
    static constexpr Index k_none = 0xFFFFFFFF;

    [[nodiscard]] Index find(std::string_view owner, std::string_view id) const;
    /// Adds or replaces the row and puts it in its place of the order. Texts are cut at 65,535
    /// bytes each.
    Index put(const RowView& row);
    /// For reading a file: the order is wrong until order_all().
    Index put_unordered(const RowView& row);
    void order_all();
    void erase(Index at);
    /// For reading a file.
    void erase_unordered(Index at);
    /// Changes texts and times but not the row's place; call reorder() afterwards.
    void refill(Index at, const RowView& row);
    /// Sorts all rows of an owner; used after many changes.
    void reorder(std::string_view owner);

    /// Valid until the next change of the row.
    [[nodiscard]] RowView row(Index at) const;
    [[nodiscard]] bool alive(Index at) const {
        return at < slots_.size() && slots_[at].texts != nullptr;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] Index end() const noexcept { return static_cast<Index>(slots_.size()); }

    /// The owner's newest row; k_none without one.
    [[nodiscard]] Index newest(std::string_view owner) const;
    /// The next older row of the same owner.
    [[nodiscard]] Index older(Index at) const { return slots_[at].older; }
    /// The row is ordered before a row with this time and id.
    [[nodiscard]] bool is_newer(Index at, std::uint32_t updated, std::string_view id) const;

    /// Marks for the caller; 0 for a new row.
    [[nodiscard]] std::uint32_t& mark(Index at) { return slots_[at].mark; }
    [[nodiscard]] bool& dirty(Index at) { return slots_[at].dirty; }
    [[nodiscard]] bool& gone(Index at) { return slots_[at].gone; }
    [[nodiscard]] std::uint64_t& version(Index at) { return slots_[at].version; }

private:
    struct Slot {
        // NOLINTNEXTLINE(modernize-avoid-c-arrays): sized at run time
        std::unique_ptr<char[]> texts{}; ///< id, thread, title; nullptr: no row
        std::uint64_t version = 0;
        std::uint32_t hash = 0;
        std::uint32_t owner = 0;
        Index newer = k_none;
        Index older = k_none;
        std::uint32_t seeded = 0;
        std::uint32_t created = 0;
        std::uint32_t updated = 0;
        std::uint32_t mark = 0;
        std::uint16_t id_size = 0;
        std::uint16_t thread_size = 0;
        std::uint16_t title_size = 0;
        bool dirty = false;
        bool gone = false;
        bool archived = false;
        bool waymark = false;
    };
    struct Owner {
        std::string name{};
        Index newest = k_none;
        Index oldest = k_none;
        std::vector<Index> waymarks{}; ///< some of its rows, in order; searches begin at one
    };
    /// The two rows between which a row belongs.
    struct Gap {
        Index newer;
        Index older;
        bool far; ///< it is far from every waymark
    };

    [[nodiscard]] static std::uint32_t hash_of(std::uint32_t owner, std::string_view id);
    [[nodiscard]] std::optional<std::uint32_t> owner_of(std::string_view name) const;
    [[nodiscard]] std::size_t
    place_of(std::uint32_t owner, std::uint32_t hash, std::string_view id) const;
    [[nodiscard]] std::string_view id_of(const Slot& slot) const {
        return {slot.texts.get(), slot.id_size};
    }
    void grow();
    void fill(Slot& slot, const RowView& row);
    [[nodiscard]] Gap gap_of(const Owner& owner, const Slot& slot) const;
    void link(Index at);
    void unlink(Index at);
    void drop_waymark(Index at);
    void clear(Owner& owner); ///< removes its order

    std::deque<Slot> slots_{};
    std::vector<Index> free_{};
    std::vector<Index> buckets_{}; ///< size is a power of two; at most 3/4 full; linear probing
    std::vector<Owner> owners_{};
    TextMap<std::uint32_t> owner_index_{};
    std::size_t size_ = 0;
    std::uint32_t fed_ = 0; ///< number of rows read from a file so far: their order of arrival
};

} // namespace oa_stream::lane
