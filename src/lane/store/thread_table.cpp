#include "thread_table.hpp"

#include <algorithm>
#include <compare>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_first_buckets = 64;
constexpr std::size_t k_far = 256; ///< number of rows between two waymarks, approximately

std::uint16_t cut(std::size_t size) {
    return static_cast<std::uint16_t>(
        std::min<std::size_t>(size, std::numeric_limits<std::uint16_t>::max())
    );
}

/// Within one second ids decide, so that every lane has the same order, also after a restart. Rows
/// without a time keep their order of arrival: there may be very many of them.
std::strong_ordering order_of(
    std::uint32_t left, std::string_view left_id, std::uint32_t right, std::string_view right_id
) {
    return left != right || left == 0 ? left <=> right : left_id <=> right_id;
}

} // namespace

bool ThreadTable::is_newer(Index at, std::uint32_t updated, std::string_view id) const {
    return order_of(slots_[at].updated, id_of(slots_[at]), updated, id) > 0;
}

std::uint32_t ThreadTable::hash_of(std::uint32_t owner, std::string_view id) {
    const auto mixed = std::hash<std::string_view>()(id) ^ (owner * 0x9E3779B97F4A7C15ULL);
    return static_cast<std::uint32_t>(mixed ^ (mixed >> 32U));
}

std::optional<std::uint32_t> ThreadTable::owner_of(std::string_view name) const {
    const auto found = owner_index_.find(name);
    return found == owner_index_.end() ? std::nullopt : std::optional(found->second);
}

/// The bucket of the id, or the empty one where it belongs. Requires buckets.
std::size_t
ThreadTable::place_of(std::uint32_t owner, std::uint32_t hash, std::string_view id) const {
    const auto mask = buckets_.size() - 1;
    for (auto place = hash & mask;; place = (place + 1) & mask) {
        const auto at = buckets_[place];
        if (at == k_none) {
            return place;
        }
        const Slot& slot = slots_[at];
        if (slot.hash == hash && slot.owner == owner && id_of(slot) == id) {
            return place;
        }
    }
}

ThreadTable::Index ThreadTable::find(std::string_view owner, std::string_view id) const {
    const auto known = owner_of(owner);
    if (!known || buckets_.empty()) {
        return k_none;
    }
    return buckets_[place_of(*known, hash_of(*known, id), id)];
}

void ThreadTable::grow() {
    std::vector<Index> old(std::max(k_first_buckets, buckets_.size() * 2), k_none);
    old.swap(buckets_);
    const auto mask = buckets_.size() - 1;
    for (const Index at : old) {
        if (at != k_none) {
            auto place = slots_[at].hash & mask;
            while (buckets_[place] != k_none) {
                place = (place + 1) & mask;
            }
            buckets_[place] = at;
        }
    }
}

void ThreadTable::fill(Slot& slot, const RowView& row) {
    const auto id = cut(row.id.size());
    const auto thread = cut(row.thread.size());
    const auto title = cut(row.title.size());
    // NOLINTNEXTLINE(modernize-avoid-c-arrays): sized at run time
    auto texts = std::make_unique_for_overwrite<char[]>(std::size_t{id} + thread + title);
    char* end = std::ranges::copy(row.id.substr(0, id), texts.get()).out;
    end = std::ranges::copy(row.thread.substr(0, thread), end).out;
    std::ranges::copy(row.title.substr(0, title), end);
    slot.texts = std::move(texts); // only now: `row` may be a view of the old texts
    slot.id_size = id;
    slot.thread_size = thread;
    slot.title_size = title;
    slot.seeded = row.seeded;
    slot.created = row.created;
    slot.updated = row.updated;
    slot.archived = row.archived;
    slot.version = row.version;
}

ThreadTable::Index ThreadTable::put_unordered(const RowView& row) {
    if ((size_ + 1) * 4 > buckets_.size() * 3) {
        grow();
    }
    auto known = owner_of(row.owner);
    if (!known) {
        known = static_cast<std::uint32_t>(owners_.size());
        owners_.push_back({.name = std::string(row.owner)});
        owner_index_.emplace(row.owner, *known);
    }
    const auto hash = hash_of(*known, row.id);
    Index& bucket = buckets_[place_of(*known, hash, row.id)];
    if (bucket == k_none) {
        if (free_.empty()) {
            bucket = static_cast<Index>(slots_.size());
            slots_.emplace_back();
        } else {
            bucket = free_.back();
            free_.pop_back();
        }
        slots_[bucket].hash = hash;
        slots_[bucket].owner = *known;
        ++size_;
    }
    fill(slots_[bucket], row);
    slots_[bucket].newer = fed_++;
    return bucket;
}

void ThreadTable::order_all() {
    std::vector<Index> all;
    all.reserve(size_);
    for (Index at = 0; at < end(); ++at) {
        if (alive(at)) {
            all.push_back(at);
        }
    }
    const auto before = [this](Index a, Index b) {
        const Slot& left = slots_[a];
        const Slot& right = slots_[b];
        const auto order = order_of(left.updated, id_of(left), right.updated, id_of(right));
        return order != 0 ? order < 0 : left.newer < right.newer;
    };
    if (!std::ranges::is_sorted(all, before)) {
        std::ranges::sort(all, before);
    }
    std::ranges::for_each(owners_, [this](Owner& owner) { clear(owner); });
    for (const Index at : all) {
        link(at); // each row is the newest of those linked so far
    }
    fed_ = 0;
}

ThreadTable::Index ThreadTable::put(const RowView& row) {
    if (const Index known = find(row.owner, row.id); known != k_none) {
        unlink(known);
        fill(slots_[known], row);
        link(known);
        return known;
    }
    const Index at = put_unordered(row);
    link(at);
    return at;
}

/// Searches from both sides at once: most rows are new, but a file that is read again begins with
/// old ones.
ThreadTable::Gap ThreadTable::gap_of(const Owner& owner, const Slot& slot) const {
    const auto before = [&](Index at) { return is_newer(at, slot.updated, id_of(slot)); };
    const auto& marks = owner.waymarks;
    const auto mark = std::ranges::partition_point(marks, before);
    Index newer = k_none;
    Index older = owner.newest;
    if (mark != marks.begin()) {
        newer = *std::prev(mark);
        older = slots_[newer].older;
    }
    Index end = mark == marks.end() ? owner.oldest : *mark;
    for (std::size_t steps = 0;; ++steps) {
        if (older == k_none || !before(older)) {
            return {newer, older, steps > k_far};
        }
        if (end != k_none && before(end)) {
            return {end, slots_[end].older, steps > k_far};
        }
        newer = older;
        older = slots_[older].older;
        end = end == k_none ? end : slots_[end].newer; // none: refill() has changed the order
    }
}

void ThreadTable::link(Index at) {
    Slot& slot = slots_[at];
    Owner& owner = owners_[slot.owner];
    const auto [newer, older, far] = gap_of(owner, slot);
    slot.newer = newer;
    slot.older = older;
    (newer == k_none ? owner.newest : slots_[newer].older) = at;
    (older == k_none ? owner.oldest : slots_[older].newer) = at;
    if (far) {
        slot.waymark = true;
        owner.waymarks.insert(
            std::ranges::partition_point(
                owner.waymarks,
                [&](Index mark) { return is_newer(mark, slot.updated, id_of(slot)); }
            ),
            at
        );
    }
}

void ThreadTable::drop_waymark(Index at) {
    if (std::exchange(slots_[at].waymark, false)) {
        std::erase(owners_[slots_[at].owner].waymarks, at);
    }
}

void ThreadTable::refill(Index at, const RowView& row) {
    drop_waymark(at);
    fill(slots_[at], row);
}

void ThreadTable::unlink(Index at) {
    drop_waymark(at);
    const Slot& slot = slots_[at];
    Owner& owner = owners_[slot.owner];
    (slot.newer == k_none ? owner.newest : slots_[slot.newer].older) = slot.older;
    (slot.older == k_none ? owner.oldest : slots_[slot.older].newer) = slot.newer;
}

void ThreadTable::clear(Owner& owner) {
    for (const Index at : std::exchange(owner.waymarks, {})) {
        slots_[at].waymark = false;
    }
    owner.newest = owner.oldest = k_none;
}

void ThreadTable::reorder(std::string_view owner) {
    struct Placed {
        std::uint32_t updated;
        std::uint32_t place; ///< position from the newest, in the current order
        Index at;
    };
    std::vector<Placed> all;
    for (Index at = newest(owner); at != k_none; at = older(at)) {
        all.push_back({slots_[at].updated, static_cast<std::uint32_t>(all.size()), at});
    }
    std::ranges::sort(all, [this](const Placed& a, const Placed& b) {
        const auto order = order_of(a.updated, id_of(slots_[a.at]), b.updated, id_of(slots_[b.at]));
        return order != 0 ? order < 0 : a.place > b.place;
    });
    if (const auto known = owner_of(owner)) {
        clear(owners_[*known]);
    }
    for (const Placed& placed : all) {
        link(placed.at);
    }
}

void ThreadTable::erase(Index at) {
    unlink(at);
    erase_unordered(at);
}

void ThreadTable::erase_unordered(Index at) {
    const auto mask = buckets_.size() - 1;
    auto hole = place_of(slots_[at].owner, slots_[at].hash, id_of(slots_[at]));
    // Rows behind the hole move up as far as they may: a search stops at an empty bucket.
    for (auto next = (hole + 1) & mask; buckets_[next] != k_none; next = (next + 1) & mask) {
        const auto home = slots_[buckets_[next]].hash & mask;
        if (((next - home) & mask) >= ((next - hole) & mask)) {
            buckets_[hole] = buckets_[next];
            hole = next;
        }
    }
    buckets_[hole] = k_none;
    slots_[at] = Slot{};
    free_.push_back(at);
    --size_;
}

RowView ThreadTable::row(Index at) const {
    const Slot& slot = slots_[at];
    const char* texts = slot.texts.get();
    RowView out;
    out.owner = owners_[slot.owner].name;
    out.id = {texts, slot.id_size};
    out.thread = {texts + slot.id_size, slot.thread_size};
    out.title = {texts + slot.id_size + slot.thread_size, slot.title_size};
    out.seeded = slot.seeded;
    out.created = slot.created;
    out.updated = slot.updated;
    out.archived = slot.archived;
    out.version = slot.version;
    return out;
}

ThreadTable::Index ThreadTable::newest(std::string_view owner) const {
    const auto known = owner_of(owner);
    return known ? owners_[*known].newest : k_none;
}

} // namespace oa_stream::lane
