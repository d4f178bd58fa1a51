// Maps a client's thread id to the authority's thread id, per owner, with the fields that a list of
// chats shows. The lane stores nothing else.
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

/// The fields of the newest turn are kept in memory only.
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

/// Lookups and changes happen in memory. A separate thread appends changes to the file, many at a
/// time, so that the caller's loop never waits for the disk. Processes may share the file (old and
/// new lane overlap during an upgrade): each writes under a lock and reads what the others wrote.
class IdMap {
public:
    struct Options {
        /// Empty: everything stays in memory. A file of an earlier release (JSON) is converted and
        /// kept as FILE.v1; FILE.map takes over the rows of FILE.json beside it.
        std::filesystem::path path{};
        Millis delay{100}; ///< before a change is written that no caller waits for
        Millis forget{60'000}; ///< before the titles of erased rows leave the file
        std::function<void(const Error&)> problem{}; ///< failed writes; on the executor
        std::function<void(std::string_view)> note{}; ///< one line: what was dropped or converted
    };

    /// The map must end before its executor's context. Code::config when the file is not an id map.
    [[nodiscard]] static Result<std::unique_ptr<IdMap>>
    open(const asio::any_io_executor& executor, Options options);
    ~IdMap();
    IdMap(const IdMap&) = delete;
    IdMap& operator=(const IdMap&) = delete;

    [[nodiscard]] std::optional<ThreadRow> find(std::string_view owner, std::string_view id) const;
    [[nodiscard]] bool contains(std::string_view owner, std::string_view id) const;
    /// Adds or replaces; `last_message` and `last_turn` of a known row stay unless given.
    void put(const ThreadRow& row);
    /// Reverts a put() that could not be committed, in memory only: restores `row`, or removes the
    /// entry when there was none.
    void undo(std::string_view owner, std::string_view id, const std::optional<ThreadRow>& row);
    /// Removes the row; commit() waits for the removal as for a row.
    void erase(std::string_view owner, std::string_view id);
    /// Removes every row of these threads and returns the removed rows. It scans all rows, a part
    /// at a time, so that the caller's loop goes on.
    [[nodiscard]] Task<std::vector<ThreadRow>> erase_threads(std::unordered_set<std::string> threads
    );
    /// Moves the row out of the usual list, or back into it. As durable as put().
    void archive(std::string_view owner, std::string_view id, bool archived);
    /// Notes that the shared store holds this row with this version; a lower version changes
    /// nothing.
    void note_version(std::string_view owner, std::string_view id, std::uint64_t version);
    /// Iterates over all rows, a part at a time: returns the next rows, at most `most`, and no rows
    /// at the end. `place` begins with 0. A row that is put meanwhile may be missing.
    [[nodiscard]] std::vector<ThreadRow> rows_from(std::uint32_t& place, std::size_t most) const;
    /// Returns when all changes so far are on disk, or with the error that prevented it.
    [[nodiscard]] Task<Result<void>> commit();
    /// Returns at once unless the last write failed; then it tries the disk again.
    [[nodiscard]] Task<Result<void>> writable();

    /// Notes the newest turn of a known thread; nothing reaches the file.
    void
    note_turn(std::string_view owner, std::string_view id, std::string message, std::string turn);
    /// The thread was used now: it moves to the front and is due for a check against the authority.
    void touch(std::string_view owner, std::string_view id, std::int64_t now);

    /// Where a page of a list begins: behind this row, or behind its old position when its time has
    /// changed or the row is gone. Rows of the same second are ordered by id, the largest first.
    struct Place {
        std::int64_t updated_at = 0;
        std::string id{};
    };
    /// The next `limit` rows of this owner, newest update first, without rows that are gone: either
    /// the archived ones or the others.
    [[nodiscard]] std::vector<ThreadRow> newest(
        std::string_view owner,
        const std::optional<Place>& after,
        std::size_t limit,
        bool archived = false
    );
    /// Those of `rows` that the authority has not described since their last use or within `age`;
    /// at most the first `most` of them.
    [[nodiscard]] std::vector<ThreadRow>
    unchecked(const std::vector<ThreadRow>& rows, Millis age, std::size_t most) const;
    /// Stores what the authority reports of a thread now.
    void describe(const ThreadRow& row);
    /// The authority does not have this thread (any more); it is not listed until it is used again.
    void hide(const ThreadRow& row);
    /// Rows of an earlier release, which have no times: at most `most`; empty when none is left.
    [[nodiscard]] std::vector<ThreadRow> undated(std::size_t most);
    /// Like describe(), for many rows: their place in the list changes only with reorder().
    void describe_undated(const ThreadRow& row);
    void reorder();

    [[nodiscard]] std::size_t size() const noexcept;
    /// Writes what is not yet on disk and blocks until that is done.
    [[nodiscard]] Result<void> flush();

private:
    struct Impl;
    explicit IdMap(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

} // namespace oa_stream::lane
