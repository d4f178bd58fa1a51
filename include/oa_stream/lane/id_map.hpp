// Client thread id → authority thread id, per owner, with what a list of chats shows: the only
// thing the lane stores.
#pragma once

#include "oa_stream/base/task.hpp"
#include "oa_stream/store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

namespace oa_stream::lane {

/// What its fields say of the newest turn is in memory only.
struct ThreadRow : store::ThreadKey, store::ThreadFields {
    ThreadRow() = default;
    ThreadRow(store::ThreadKey key, store::ThreadFields fields)
        : store::ThreadKey(std::move(key)), store::ThreadFields(std::move(fields)) {}
    ThreadRow(
        std::string owner,
        std::string id,
        std::string thread,
        std::size_t seeded = 0,
        std::string title = {}
    )
        : ThreadRow(
              {std::move(owner), std::move(id)}, {std::move(thread), seeded, std::move(title)}
          ) {}

    friend bool operator==(const ThreadRow&, const ThreadRow&) = default;
};

/// Lookups and changes happen in memory. A change reaches the file by appending to it, from a
/// thread of its own, so that the caller's loop never waits for the disk; many changes are written
/// at once. Processes may share the file (old and new lane overlap during an upgrade): each writes
/// under a lock and reads what the others wrote.
class IdMap {
public:
    struct Options {
        /// Empty: everything stays in memory. A file of an earlier release (JSON) is converted and
        /// kept as FILE.v1; FILE.map takes over the rows of FILE.json beside it.
        std::filesystem::path path{};
        Millis delay{100}; ///< before a change is written that nobody waits for
        Millis forget{60'000}; ///< before the titles of erased rows leave the file
        std::function<void(const Error&)> problem{}; ///< failed writes; on the executor
        std::function<void(std::string_view)> note{}; ///< one line: what was dropped or converted
    };

    /// The map must end before its executor's context. Code::config when the file is none of ours.
    [[nodiscard]] static Result<std::unique_ptr<IdMap>>
    open(const asio::any_io_executor& executor, Options options);
    ~IdMap();
    IdMap(const IdMap&) = delete;
    IdMap& operator=(const IdMap&) = delete;

    [[nodiscard]] std::optional<ThreadRow> find(std::string_view owner, std::string_view id) const;
    [[nodiscard]] bool contains(std::string_view owner, std::string_view id) const;
    /// Adds or replaces; `last_message` and `last_turn` of a known row stay unless given.
    void put(const ThreadRow& row);
    /// In memory only, so for a row that was put and could not be committed: back to `row`, or
    /// none.
    void undo(std::string_view owner, std::string_view id, const std::optional<ThreadRow>& row);
    /// There is no such row any more; commit() waits for it like for a row.
    void erase(std::string_view owner, std::string_view id);
    /// The same for every row of these threads; which rows those were. It looks through all rows,
    /// a part at a time: the caller's loop goes on.
    [[nodiscard]] Task<std::vector<ThreadRow>> erase_threads(std::unordered_set<std::string> threads
    );
    /// Out of the usual list, or back in it. Lasts like put().
    void archive(std::string_view owner, std::string_view id, bool archived);
    /// The shared store has the row as it is here with this version; a lower one changes nothing.
    void note_version(std::string_view owner, std::string_view id, std::uint64_t version);
    /// All rows, a part at a time: the next ones, at most `most`; empty: that was all. `place`
    /// begins with 0. One that is put meanwhile may be missing.
    [[nodiscard]] std::vector<ThreadRow> rows_from(std::uint32_t& place, std::size_t most) const;
    /// Returns when everything put so far is on disk, or the error that kept it from there.
    [[nodiscard]] Task<Result<void>> commit();
    /// At once, unless the last write failed: then the disk is tried again.
    [[nodiscard]] Task<Result<void>> writable();

    /// Notes the newest turn of a known thread; nothing reaches the file.
    void
    note_turn(std::string_view owner, std::string_view id, std::string message, std::string turn);
    /// The thread was used now: it moves to the front, and is to be checked.
    void touch(std::string_view owner, std::string_view id, std::int64_t now);

    /// Where a page of a list begins: behind this row, or behind where it stood when its time has
    /// changed, or it is gone. Rows of one second are listed by id, the largest first.
    struct Place {
        std::int64_t updated_at = 0;
        std::string id{};
    };
    /// The next `limit` rows of this owner, newest update first, without those that are gone;
    /// either the archived ones or the others.
    [[nodiscard]] std::vector<ThreadRow> newest(
        std::string_view owner,
        const std::optional<Place>& after,
        std::size_t limit,
        bool archived = false
    );
    /// Which of `rows` the authority has not described since they were touched last, or within
    /// `age`; the first of them at most `most`.
    [[nodiscard]] std::vector<ThreadRow>
    unchecked(const std::vector<ThreadRow>& rows, Millis age, std::size_t most) const;
    /// What the authority says of a thread now.
    void describe(const ThreadRow& row);
    /// The authority does not know this thread (any more); it is not listed until it is used.
    void hide(const ThreadRow& row);
    /// Rows whose times nobody knows (of an earlier release), at most `most`; empty: none is left.
    [[nodiscard]] std::vector<ThreadRow> undated(std::size_t most);
    /// describe() for many rows: their place in the list changes with reorder().
    void describe_undated(const ThreadRow& row);
    void reorder();

    [[nodiscard]] std::size_t size() const noexcept;
    /// Writes what is not yet on disk and waits for it, blocking.
    [[nodiscard]] Result<void> flush();

private:
    struct Impl;
    explicit IdMap(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

} // namespace oa_stream::lane
