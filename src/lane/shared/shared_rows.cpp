// The map of threads over all replicas.
#include "oa_stream/base/ids.hpp"

#include "shared_lane.hpp"
#include "state.hpp"

#include <algorithm>
#include <unordered_set>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_page = 200;

ThreadRow row_of(const store::ThreadKey& key, const store::ThreadFields& from) {
    ThreadRow out{key.owner, key.id, from.thread, from.seeded};
    out.title = from.title;
    out.created_at = from.created_at;
    out.updated_at = from.updated_at;
    out.archived = from.archived;
    out.last_message = from.last_message;
    out.last_turn = from.last_turn;
    return out;
}

store::ThreadFields fields_of(const ThreadRow& from) {
    return {
        .thread = from.thread,
        .seeded = from.seeded,
        .title = from.title,
        .created_at = from.created_at,
        .updated_at = from.updated_at,
        .archived = from.archived,
        .last_message = from.last_message,
        .last_turn = from.last_turn
    };
}

} // namespace

/// A row that the store never had is offered to it: a lost store heals from the lanes' own files.
/// While the store is away, what was seen of it last is used.
Task<void> SharedLane::refresh(std::string owner, std::string id) {
    const store::ThreadKey key{owner, id};
    const auto state = co_await store_->look(key);
    if (!state) {
        co_return;
    }
    auto& ids = lane_->ids();
    const auto known = ids.find(owner, id);
    if (const auto& fields = state->fields) {
        if (const auto row = row_of(key, *fields); !known || *known != row) {
            ids.put(row);
        }
    } else if (known && state->erased) {
        ids.erase(owner, id);
    } else if (known && state->holding.phase != store::Phase::starting) {
        (void)co_await store_->put(key, fields_of(*known));
    }
}

Task<void> SharedLane::refresh_all(std::string owner) {
    const auto shared = co_await store_->ids_of(owner);
    if (!shared) {
        co_return;
    }
    const std::unordered_set<std::string> there(shared->begin(), shared->end());
    for (const auto& id : there) {
        if (!lane_->ids().contains(owner, id)) {
            co_await refresh(owner, id);
        }
    }
    std::vector<std::string> missing;
    for (const bool archived : {false, true}) {
        for (const auto& row : lane_->ids().newest(owner, std::nullopt, k_page, archived)) {
            if (!there.contains(row.id)) {
                missing.push_back(row.id);
            }
        }
    }
    for (const auto& id : missing) {
        co_await refresh(owner, id);
    }
}

Task<Result<void>> SharedLane::store_row(std::string owner, std::string id) {
    const auto row = lane_->ids().find(owner, id);
    store::ThreadKey key{std::move(owner), std::move(id)};
    if (row) {
        co_return co_await store_->put(std::move(key), fields_of(*row));
    }
    co_return co_await store_->erase(std::move(key));
}

Task<void>
SharedLane::note_read(std::string owner, std::string id, std::vector<std::string> whole) {
    const auto name = random_hex(4);
    const auto own = lane_->turns.find(owner, id);
    if (own) {
        const bool told = std::ranges::find(whole, own->id()) != whole.end();
        own->history_read((told ? "1 " : "0 ") + name);
    }
    (void)co_await store_->note_read({std::move(owner), std::move(id)}, name, std::move(whole));
}

void SharedLane::store_row_later(const std::string& owner, const std::string& id) {
    spawn(
        lane_->executor,
        "shared row",
        [](SharedLane* self, std::string who, std::string what) -> Task<void> {
            (void)co_await self->store_row(std::move(who), std::move(what));
        }(this, owner, id)
    );
}

Task<Result<void>> commit_row(LaneState* lane, std::string owner, std::string id) {
    auto stored = co_await lane->ids().commit();
    if (stored && lane->shared) {
        stored = co_await lane->shared->store_row(std::move(owner), std::move(id));
    }
    co_return stored;
}

} // namespace oa_stream::lane
