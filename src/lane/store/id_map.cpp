#include "oa_stream/lane/id_map.hpp"

#include "id_map_writer.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <limits>
#include <set>
#include <unordered_map>
#include <utility>

namespace oa_stream::lane {

namespace {

/// A retry arrives within minutes; fewer turns than this start in that time.
constexpr std::size_t k_newest_turns = 65'536;
constexpr std::uint32_t k_hidden_seconds = 60;
/// About half a millisecond of the loop.
constexpr std::uint32_t k_rows_at_once = 4'096;

std::uint32_t seconds(std::int64_t value) {
    return static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(value, 0, std::numeric_limits<std::uint32_t>::max())
    );
}

RowView view_of(const ThreadRow& row) {
    RowView out{.owner = row.owner, .id = row.id, .thread = row.thread, .title = row.title};
    out.seeded = static_cast<std::uint32_t>(
        std::min<std::size_t>(row.seeded, std::numeric_limits<std::uint32_t>::max())
    );
    out.created = seconds(row.created_at);
    out.updated = seconds(row.updated_at);
    out.archived = row.archived;
    out.version = row.version;
    return out;
}

} // namespace

struct IdMap::Impl {
    using Index = ThreadTable::Index;

    Impl(const asio::any_io_executor& executor, Options options)
        : writer(std::make_shared<IdMapWriter>(executor, std::move(options), table)) {}

    [[nodiscard]] ThreadRow row(Index at) const {
        const auto view = table.row(at);
        ThreadRow out{std::string(view.owner), std::string(view.id), std::string(view.thread)};
        out.seeded = view.seeded;
        out.title = view.title;
        out.created_at = view.created;
        out.updated_at = view.updated;
        out.archived = view.archived;
        out.version = view.version;
        if (const auto turn = turns.find(at); turn != turns.end()) {
            out.last_message = turn->second.message;
            out.last_turn = turn->second.turn;
        }
        return out;
    }

    void note_turn(Index at, std::string message, std::string turn) {
        const auto known = turns.find(at);
        const auto number = known == turns.end() ? ++noted : known->second.number;
        if (known == turns.end()) {
            order.emplace_back(at, number);
        }
        turns.insert_or_assign(at, Turn{std::move(message), std::move(turn), number});
        if (order.size() > k_newest_turns) {
            const auto [oldest, its] = order.front();
            order.pop_front();
            if (const auto one = turns.find(oldest);
                one != turns.end() && one->second.number == its) {
                turns.erase(one);
            }
        }
    }

    void remove(Index at) {
        turns.erase(at);
        table.erase(at);
    }

    [[nodiscard]] std::uint32_t now() const {
        const auto passed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - began);
        return static_cast<std::uint32_t>(passed.count()) + 1;
    }

    /// Only for a while: a restarting authority may lack threads that it has afterwards.
    [[nodiscard]] bool hidden(Index at) {
        return table.gone(at) && now() - table.mark(at) <= k_hidden_seconds;
    }

    /// The first row of a page.
    [[nodiscard]] Index behind(std::string_view owner, const Place& place) const {
        const auto last = table.find(owner, place.id);
        if (last != ThreadTable::k_none && table.row(last).updated == place.updated_at) {
            return table.older(last);
        }
        auto at = table.newest(owner);
        while (at != ThreadTable::k_none && table.is_newer(at, seconds(place.updated_at), place.id)
        ) {
            at = table.older(at);
        }
        return at;
    }

    struct Turn {
        std::string message;
        std::string turn;
        std::uint64_t number; ///< its place in `order`: by then another row may have the same index
    };

    ThreadTable table{};
    std::shared_ptr<IdMapWriter> writer;
    std::unordered_map<Index, Turn> turns{};
    std::deque<std::pair<Index, std::uint64_t>> order{}; ///< of `turns`, oldest first
    std::uint64_t noted = 0;
    Index undated_at = 0; ///< all rows before it have times
    std::set<std::string> unordered{}; ///< owners whose rows have to be sorted again
    Clock::time_point began = Clock::now();
};

IdMap::IdMap(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {
}

IdMap::~IdMap() {
    impl_->writer->stop();
}

Result<std::unique_ptr<IdMap>> IdMap::open(const asio::any_io_executor& executor, Options options) {
    auto impl = std::make_shared<Impl>(executor, std::move(options));
    OA_CHECK(impl->writer->load());
    impl->writer->start();
    return std::unique_ptr<IdMap>(new IdMap(std::move(impl)));
}

std::optional<ThreadRow> IdMap::find(std::string_view owner, std::string_view id) const {
    const auto at = impl_->table.find(owner, id);
    return at == ThreadTable::k_none ? std::nullopt : std::optional(impl_->row(at));
}

bool IdMap::contains(std::string_view owner, std::string_view id) const {
    return impl_->table.find(owner, id) != ThreadTable::k_none;
}

void IdMap::put(const ThreadRow& row) {
    const bool known = contains(row.owner, row.id);
    const auto at = impl_->table.put(view_of(row));
    if (!known) {
        impl_->turns.erase(at); // of a row that another process has deleted
    }
    impl_->table.mark(at) = 0;
    impl_->table.gone(at) = false;
    if (!row.last_turn.empty()) {
        impl_->note_turn(at, row.last_message, row.last_turn);
    }
    impl_->writer->changed(at, true);
}

void IdMap::undo(std::string_view owner, std::string_view id, const std::optional<ThreadRow>& row) {
    if (row) {
        impl_->table.put(view_of(*row));
        return;
    }
    if (const auto at = impl_->table.find(owner, id); at != ThreadTable::k_none) {
        impl_->remove(at);
    }
}

void IdMap::erase(std::string_view owner, std::string_view id) {
    const auto at = impl_->table.find(owner, id);
    if (at == ThreadTable::k_none) {
        return;
    }
    impl_->writer->erased(impl_->table.row(at));
    undo(owner, id, std::nullopt);
}

Task<std::vector<ThreadRow>> IdMap::erase_threads(std::unordered_set<std::string> threads) {
    const auto impl = impl_;
    std::vector<ThreadRow> out;
    std::string thread;
    for (ThreadTable::Index at = 0; at < impl->table.end(); ++at) {
        if (at % k_rows_at_once == k_rows_at_once - 1) {
            co_await asio::post(asio::use_awaitable);
        }
        if (!impl->table.alive(at)) {
            continue;
        }
        const auto row = impl->table.row(at);
        thread = row.thread;
        if (threads.contains(thread)) {
            out.push_back(impl->row(at));
            impl->writer->erased(row);
            impl->remove(at);
        }
    }
    co_return out;
}

void IdMap::archive(std::string_view owner, std::string_view id, bool archived) {
    const auto at = impl_->table.find(owner, id);
    if (at == ThreadTable::k_none || impl_->table.row(at).archived == archived) {
        return;
    }
    auto row = impl_->table.row(at);
    row.archived = archived;
    impl_->table.refill(at, row);
    impl_->writer->changed(at, true);
}

void IdMap::note_version(std::string_view owner, std::string_view id, std::uint64_t version) {
    const auto at = impl_->table.find(owner, id);
    if (at != ThreadTable::k_none && impl_->table.version(at) < version) {
        impl_->table.version(at) = version;
        impl_->writer->changed(at, false);
    }
}

std::vector<ThreadRow> IdMap::rows_from(std::uint32_t& place, std::size_t most) const {
    std::vector<ThreadRow> out;
    for (; place < impl_->table.end() && out.size() < most; ++place) {
        if (impl_->table.alive(place)) {
            out.push_back(impl_->row(place));
        }
    }
    return out;
}

Task<Result<void>> IdMap::commit() {
    return IdMapWriter::commit(impl_->writer);
}

Task<Result<void>> IdMap::writable() {
    return IdMapWriter::writable(impl_->writer);
}

void IdMap::note_turn(
    std::string_view owner, std::string_view id, std::string message, std::string turn
) {
    if (const auto at = impl_->table.find(owner, id); at != ThreadTable::k_none) {
        impl_->note_turn(at, std::move(message), std::move(turn));
    }
}

void IdMap::touch(std::string_view owner, std::string_view id, std::int64_t now) {
    const auto at = impl_->table.find(owner, id);
    if (at == ThreadTable::k_none) {
        return;
    }
    auto row = impl_->row(at);
    row.created_at = row.created_at == 0 ? now : row.created_at;
    row.updated_at = std::max(row.updated_at, now);
    impl_->table.put(view_of(row));
    impl_->table.mark(at) = 0;
    impl_->table.gone(at) = false;
    impl_->writer->changed(at, false);
}

std::vector<ThreadRow> IdMap::newest(
    std::string_view owner, const std::optional<Place>& after, std::size_t limit, bool archived
) {
    std::vector<ThreadRow> out;
    auto at = after ? impl_->behind(owner, *after) : impl_->table.newest(owner);
    for (; at != ThreadTable::k_none && out.size() < limit; at = impl_->table.older(at)) {
        if (!impl_->hidden(at) && impl_->table.row(at).archived == archived) {
            out.push_back(impl_->row(at));
        }
    }
    return out;
}

std::vector<ThreadRow>
IdMap::unchecked(const std::vector<ThreadRow>& rows, Millis age, std::size_t most) const {
    const auto now = impl_->now();
    const auto old = std::chrono::duration_cast<std::chrono::seconds>(age).count();
    std::vector<ThreadRow> out;
    for (const auto& row : rows) {
        const auto at = impl_->table.find(row.owner, row.id);
        if (at == ThreadTable::k_none || out.size() == most) {
            continue;
        }
        const auto mark = impl_->table.mark(at);
        if (mark == 0 || now - mark > old) {
            out.push_back(row);
        }
    }
    return out;
}

void IdMap::describe(const ThreadRow& row) {
    const auto at = impl_->table.find(row.owner, row.id);
    if (at == ThreadTable::k_none || impl_->table.row(at).thread != row.thread) {
        return;
    }
    impl_->table.mark(at) = impl_->now();
    impl_->table.gone(at) = false;
    const auto known = impl_->table.row(at);
    const bool moved = known.updated != seconds(row.updated_at);
    if (!moved && known.title == row.title && known.created == seconds(row.created_at)) {
        return;
    }
    auto fresh = view_of(row);
    fresh.seeded = known.seeded;
    fresh.archived = known.archived;
    fresh.version = known.version;
    if (moved) {
        impl_->table.put(fresh);
    } else {
        impl_->table.refill(at, fresh);
    }
    impl_->writer->changed(at, false);
}

void IdMap::hide(const ThreadRow& row) {
    const auto at = impl_->table.find(row.owner, row.id);
    if (at != ThreadTable::k_none && impl_->table.row(at).thread == row.thread) {
        impl_->table.gone(at) = true;
        impl_->table.mark(at) = impl_->now();
    }
}

std::vector<ThreadRow> IdMap::undated(std::size_t most) {
    std::vector<ThreadRow> out;
    for (auto& at = impl_->undated_at; at < impl_->table.end() && out.size() < most; ++at) {
        if (impl_->table.alive(at) && impl_->table.row(at).updated == 0 && !impl_->table.gone(at)) {
            out.push_back(impl_->row(at));
        }
    }
    return out;
}

void IdMap::describe_undated(const ThreadRow& row) {
    const auto at = impl_->table.find(row.owner, row.id);
    if (at == ThreadTable::k_none || impl_->table.row(at).updated != 0) {
        return;
    }
    auto fresh = view_of(row);
    fresh.thread = impl_->table.row(at).thread;
    fresh.seeded = impl_->table.row(at).seeded;
    fresh.archived = impl_->table.row(at).archived;
    fresh.version = impl_->table.row(at).version;
    impl_->table.refill(at, fresh);
    impl_->table.mark(at) = impl_->now();
    impl_->unordered.insert(row.owner);
    impl_->writer->changed(at, false);
}

void IdMap::reorder() {
    for (const auto& owner : std::exchange(impl_->unordered, {})) {
        impl_->table.reorder(owner);
    }
}

std::size_t IdMap::size() const noexcept {
    return impl_->table.size();
}

Result<void> IdMap::flush() {
    return impl_->writer->flush();
}

} // namespace oa_stream::lane
