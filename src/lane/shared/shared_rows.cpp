// The map of threads among all replicas.
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lists.hpp"

#include "shared_lane.hpp"
#include "state.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <unordered_set>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_page = 200;
constexpr std::size_t k_offered = 100; ///< rows at once: about a millisecond of the store's time
constexpr Millis k_offer_again{200};
constexpr std::size_t k_most_deletions = 10'000;
constexpr std::size_t k_most_owners = 10'000; ///< whose last change is remembered

std::vector<std::string> each_once(std::vector<std::string> ids) {
    std::ranges::sort(ids);
    const auto twice = std::ranges::unique(ids);
    ids.erase(twice.begin(), twice.end());
    return ids;
}

} // namespace

/// Offers the store a row that it lacks or has in an older version: a lost store is restored from
/// the lanes' own files. While the store is away, the last known row is used.
Task<bool> SharedLane::refresh(std::string owner, std::string id) {
    const store::ThreadKey key{owner, id};
    const auto state = co_await store_->look(key);
    if (!state) {
        co_return false;
    }
    if (changes_here(key, state->holding)) {
        co_return true;
    }
    const auto known = own_fields(key);
    const bool nowhere = !state->fields && !state->erased;
    if (known && (nowhere || known->version > state->version)) {
        if (state->holding.phase != store::Phase::starting) {
            std::vector<store::OfferedRow> own{{key, *known}};
            (void)co_await store_->offer(std::move(own));
        }
        co_return true;
    }
    learn(key, state->fields, state->erased, state->version);
    co_return !state->awaited;
}

/// A request of this lane is making, replacing or deleting the row: the store's copy is older.
bool SharedLane::changes_here(const store::ThreadKey& key, const store::Holding& holding) const {
    return holding.session == store_->session() && holding.phase == store::Phase::starting &&
           uses_.has(key);
}

void SharedLane::learn(
    const store::ThreadKey& key,
    const std::optional<store::ThreadFields>& fields,
    bool erased,
    std::uint64_t version
) {
    if (newer_here(key, version)) {
        return;
    }
    if (fields) {
        take_row(key, *fields);
    } else if (erased && lane_->ids().contains(key.owner, key.id)) {
        lane_->ids().erase(key.owner, key.id);
        remember_deletion(key, version);
    }
}

bool SharedLane::newer_here(const store::ThreadKey& key, std::uint64_t version) const {
    const auto known = lane_->ids().find(key.owner, key.id);
    return known && known->version > version;
}

/// A store that is lost forgets the deletion, and another lane may still have the row.
void SharedLane::remember_deletion(store::ThreadKey key, std::uint64_t version) {
    if (deletions_.size() >= k_most_deletions) {
        deletions_.pop_front();
    }
    store::ThreadFields none;
    none.version = version;
    deletions_.push_back({std::move(key), std::move(none)});
}

void SharedLane::offer_rows() {
    if (offers_++ == 0) {
        spawn(lane_->executor, "rows offered", offer_all(this, alive_));
    }
}

/// Offers one page after the other, each when the store has accepted the previous one. A row that
/// is made meanwhile is in the store already.
Task<void> SharedLane::offer_all(SharedLane* self, std::shared_ptr<bool> alive) {
    for (std::size_t done = 0; *alive && done != self->offers_;) {
        done = self->offers_; // once more if the store is lost meanwhile
        std::uint32_t place = 0;
        while (*alive) {
            std::vector<store::OfferedRow> page;
            for (const auto& row : self->lane_->ids().rows_from(place, k_offered)) {
                const store::ThreadKey& key = row;
                const store::ThreadFields& fields = row;
                page.push_back({key, fields});
            }
            if (page.empty()) {
                break;
            }
            co_await offer_page(self, alive, std::move(page));
        }
        const auto deletions = *alive ? self->deletions_ : std::deque<store::OfferedRow>();
        for (std::size_t at = 0; *alive && at < deletions.size(); at += k_offered) {
            const auto begin = deletions.begin() + static_cast<std::ptrdiff_t>(at);
            const auto count = std::min(k_offered, deletions.size() - at);
            co_await offer_page(self, alive, {begin, begin + static_cast<std::ptrdiff_t>(count)});
        }
    }
    if (*alive) {
        self->offers_ = 0;
        self->store_->offered();
    }
}

/// Repeats until the store has accepted them.
Task<void> SharedLane::offer_page(
    SharedLane* self, std::shared_ptr<bool> alive, std::vector<store::OfferedRow> rows
) {
    while (*alive && !co_await self->store_->offer(rows)) {
        co_await sleep_for(k_offer_again);
    }
}

std::optional<store::ThreadFields> SharedLane::own_fields(const store::ThreadKey& key) const {
    const auto row = lane_->ids().find(key.owner, key.id);
    return row ? std::optional<store::ThreadFields>(*row) : std::nullopt;
}

void SharedLane::take_row(const store::ThreadKey& key, const store::ThreadFields& fields) {
    const ThreadRow row{key, fields};
    if (const auto known = lane_->ids().find(key.owner, key.id); !known || *known != row) {
        lane_->ids().put(row);
    }
}

Task<bool> SharedLane::refresh_all(std::string owner) {
    const store::ThreadKey all{owner, {}};
    while (true) {
        const auto seen = seen_.find(owner);
        const auto changes =
            co_await store_->changes_of(owner, seen == seen_.end() ? std::string() : seen->second);
        if (!changes) {
            co_return true;
        }
        // When the other read has finished, only later changes remain
        if (changes->all && reading_all_.has(all)) {
            co_await sleep_for(k_store_poll);
            continue;
        }
        const auto use = changes->all ? reading_all_.add(all) : nullptr;
        Result<std::vector<std::string>> stale(each_once(changes->ids));
        if (changes->all) {
            if (const auto unknown = co_await store_->look(all); unknown && unknown->awaited) {
                co_return false;
            }
            stale = co_await all_of(owner);
        }
        if (!stale || !co_await refresh_these(owner, *std::move(stale))) {
            co_return true;
        }
        if (seen_.size() >= k_most_owners) {
            seen_.clear();
        }
        seen_[owner] = changes->at;
        co_return true;
    }
}

/// There may be very many ids, so nothing is sorted.
Task<Result<std::vector<std::string>>> SharedLane::all_of(std::string owner) {
    OA_CO_TRY(auto ids, co_await store_->ids_of(owner));
    std::unordered_set<std::string> missing;
    for (const bool archived : {false, true}) {
        for (auto& row : lane_->ids().newest(owner, std::nullopt, k_page, archived)) {
            missing.insert(std::move(row.id));
        }
    }
    for (const auto& id : ids) {
        missing.erase(id);
    }
    ids.insert(ids.end(), missing.begin(), missing.end());
    co_return std::move(ids);
}

Task<bool> SharedLane::refresh_these(std::string owner, std::vector<std::string> ids) {
    for (std::size_t at = 0; at < ids.size(); at += k_page) {
        const std::vector<std::string> page(
            ids.begin() + static_cast<std::ptrdiff_t>(at),
            ids.begin() + static_cast<std::ptrdiff_t>(std::min(at + k_page, ids.size()))
        );
        const auto rows = co_await store_->rows_of(owner, page);
        if (!rows) {
            co_return false;
        }
        for (std::size_t i = 0; i < page.size(); ++i) {
            const auto& fields = (*rows)[i];
            const store::ThreadKey key{owner, page[i]};
            if (fields && !lane_->turns.starting(owner, page[i]) &&
                !newer_here(key, fields->version)) {
                take_row(key, *fields);
            } else if (!co_await refresh(owner, page[i])) {
                co_return false;
            }
        }
    }
    co_return true;
}

Task<Result<void>> SharedLane::store_row(std::string owner, std::string id, std::uint64_t fence) {
    store::ThreadKey key{std::move(owner), std::move(id)};
    if (auto row = own_fields(key)) {
        OA_CO_TRY(const auto version, co_await store_->put(key, *std::move(row), fence));
        lane_->ids().note_version(key.owner, key.id, version);
    } else {
        OA_CO_TRY(const auto version, co_await store_->erase(key, fence));
        remember_deletion(std::move(key), version);
    }
    co_return Result<void>{};
}

Task<void> SharedLane::erase_rows(
    SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads
) {
    const auto rows = co_await self->lane_->ids().erase_threads({threads.begin(), threads.end()});
    for (const auto& row : rows) {
        if (!*alive) {
            co_return;
        }
        const store::ThreadKey& key = row;
        const auto version = co_await self->store_->erase(key, 0, row.thread);
        if (*alive && version) {
            self->remember_deletion(key, *version);
        } else if (*alive && version.error().code == Code::conflict) {
            (void)co_await self->refresh(key.owner, key.id);
        }
    }
}

Task<void> SharedLane::erase_threads(
    SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads
) {
    const auto known = co_await self->lane_->authority().threads(threads);
    if (!*alive || !known) {
        co_return;
    }
    std::erase_if(threads, [&known](const std::string& thread) {
        return contains(*known, thread, &authority::ThreadInfo::id);
    });
    co_await erase_rows(self, std::move(alive), std::move(threads));
}

Task<void> SharedLane::forget_deleted(std::vector<std::string> threads) {
    const auto alive = alive_;
    co_await erase_rows(this, alive, threads);
    co_await tell_deleted(this, alive, std::move(threads));
}

void SharedLane::tell_deleted_later(std::string thread) {
    spawn(lane_->executor, "deleted thread", tell_deleted(this, alive_, {std::move(thread)}));
}

Task<void> SharedLane::tell_deleted(
    SharedLane* self, std::shared_ptr<bool> alive, std::vector<std::string> threads
) {
    while (*alive && !co_await self->store_->tell_deleted(threads)) {
        co_await sleep_for(k_offer_again);
    }
}

Task<Result<void>>
SharedLane::change_row(std::string owner, std::string id, store::RowChange what) {
    const auto archived = what.archived;
    OA_CO_TRY(auto version, co_await store_->change({owner, id}, what));
    if (version == 0 && co_await refresh(owner, id)) {
        if (!lane_->ids().contains(owner, id)) {
            co_return Result<void>{}; // it was deleted
        }
        OA_CO_TRY(version, co_await store_->change({owner, id}, std::move(what)));
    }
    if (version == 0) {
        co_return fail(Code::unavailable, "the store does not take this lane's row");
    }
    lane_->ids().note_version(owner, id, version);
    // Meanwhile a look that began before the change may have brought the old mark back.
    if (archived && !newer_here({owner, id}, version)) {
        lane_->ids().archive(owner, id, *archived);
    }
    co_return Result<void>{};
}

Task<void> SharedLane::note_read(
    std::string owner, std::string id, std::vector<std::string> whole, bool waits
) {
    const auto name = (waits ? "w" : "") + random_hex(4);
    const auto own = lane_->turns.find(owner, id);
    if (own) {
        const bool whole_here = contains(whole, own->id());
        own->history_read((whole_here ? "1 " : "0 ") + name);
    }
    (void)co_await store_->note_read({std::move(owner), std::move(id)}, name, std::move(whole));
}

void SharedLane::touch_later(const std::string& owner, const std::string& id, std::int64_t at) {
    spawn(
        lane_->executor,
        "shared row",
        [](store::Store* store, store::ThreadKey key, std::int64_t used) -> Task<void> {
            co_await asio::post(asio::use_awaitable); // the turn's last frames are sent first
            (void)co_await store->touch(std::move(key), used);
        }(store_, {owner, id}, at)
    );
}

Task<Result<void>>
commit_row(LaneState* lane, std::string owner, std::string id, std::uint64_t fence) {
    auto stored = co_await lane->ids().commit();
    if (stored && lane->shared) {
        stored = co_await lane->shared->store_row(std::move(owner), std::move(id), fence);
    }
    co_return stored;
}

} // namespace oa_stream::lane
