// Writes the id map to its file: decides which rows to write, who waits for them, and when to
// rewrite the file without outdated lines.
#pragma once

#include "oa_stream/lane/id_map.hpp"

#include "id_map_file.hpp"
#include "thread_table.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::lane {

/// Runs on the executor's thread; from start() on only the writer thread uses the file. Rows may
/// change during a write, because a batch is a copy as text.
class IdMapWriter : public std::enable_shared_from_this<IdMapWriter> {
public:
    IdMapWriter(asio::any_io_executor executor, IdMap::Options options, ThreadTable& table);

    /// Reads the file into the table and converts files of earlier releases.
    [[nodiscard]] Result<void> load();
    void start(); ///< begins with a rewrite if the file needs one
    void stop(); ///< joins the threads; afterwards the table may be destroyed

    /// `must_last`: a commit() may wait for this change.
    void changed(ThreadTable::Index row, bool must_last);
    /// `row` was just erased from the table; a commit() may wait for it.
    void erased(const RowView& row);
    [[nodiscard]] static Task<Result<void>> commit(std::shared_ptr<IdMapWriter> self);
    [[nodiscard]] static Task<Result<void>> writable(std::shared_ptr<IdMapWriter> self);
    [[nodiscard]] Result<void> flush();

private:
    struct Waiter {
        std::uint64_t wanted;
        asio::steady_timer timer;
        std::optional<Result<void>> result{};
    };
    struct Batch {
        std::vector<ThreadTable::Index> rows{};
        std::string graves{}; ///< the lines of erased rows; `lines` begins with them
        std::set<std::pair<std::string, std::string>> buried{}; ///< owners and ids of these rows
        std::string lines{};
        std::uint64_t last = 0; ///< number of the last change in it, as in puts_
        bool durable = false;
    };

    [[nodiscard]] bool persistent() const { return !options_.path.empty(); }
    void note(const std::string& what) const;
    [[nodiscard]] Result<void> load_v1(const std::filesystem::path& from, std::string_view text);
    [[nodiscard]] Result<void> write_whole();
    [[nodiscard]] Batch take_batch();
    void schedule();
    void schedule_forgetting();
    void hand_over();
    void written(Batch batch, Result<IdMapFile::Appended> result);
    /// After a batch is on disk: takes in the lines of other processes, a part at a time.
    [[nodiscard]] static Task<void>
    settle(std::shared_ptr<IdMapWriter> self, Batch batch, IdMapFile::Appended appended);
    void write_on();
    /// `ours`: the batch, with its rows sorted.
    void take_foreign(std::span<const std::string> lines, const Batch& ours);
    void resolve(std::uint64_t up_to, const Result<void>& result);
    /// Hands over all changes and waits until they are written.
    [[nodiscard]] Task<Result<void>> wait_written();
    [[nodiscard]] bool worth_compacting() const;
    void begin_compacting();
    [[nodiscard]] static Task<void>
    compact(std::shared_ptr<IdMapWriter> self, IdMapFile::Place since);
    [[nodiscard]] static Task<Result<void>>
    write_draft(std::shared_ptr<IdMapWriter> self, IdMapFile::Place since, bool with_erased);

    asio::any_io_executor executor_;
    IdMap::Options options_;
    ThreadTable* table_;
    IdMapFile file_;
    asio::steady_timer timer_;
    Millis penalty_{0}; ///< added to the delay after a failed write
    std::vector<ThreadTable::Index> dirty_{};
    std::vector<ThreadTable::Index> in_hand_{}; ///< rows of the batch that is being written
    /// Lines of erased rows. A row that is made again with the same name is written after them.
    std::string graves_{};
    std::string graves_in_hand_{};
    std::set<std::pair<std::string, std::string>> buried_{}; ///< owners and ids in `graves_`
    /// The lines of erased rows in the file. They stay until the file is compacted for its size: a
    /// process that has not read them would write its row again, including the title.
    std::string erased_{};
    bool titles_left_ = false; ///< the file may still hold titles of erased rows
    Millis forget_; ///< how long such titles may stay
    asio::steady_timer forget_timer_;
    bool forgetting_ = false; ///< the timer is running
    std::vector<std::shared_ptr<Waiter>> waiters_{};
    std::uint64_t puts_ = 0; ///< changes for which a commit() may wait
    std::uint64_t lasting_ = 0; ///< how many of them are on disk
    std::uint64_t lines_ = 0; ///< lines in the file
    bool must_last_ = false;
    bool probe_ = false; ///< a caller wants to know whether the disk accepts writes
    bool writing_ = false;
    bool scheduled_ = false;
    bool compacting_ = false;
    bool compact_next_ = false; ///< begin when the current write is done
    bool stopped_ = false;
    std::optional<Error> failed_{};
    asio::thread_pool writer_{1};
    asio::thread_pool compactor_{1};
};

} // namespace oa_stream::lane
