// The id map's way to its file: which rows are to be written, who waits for them, and when the
// file is written again without its outdated lines.
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

/// All on the executor's thread; the file belongs to the writer thread from start() on. Rows may
/// change while they are written: what was handed over is text.
class IdMapWriter : public std::enable_shared_from_this<IdMapWriter> {
public:
    IdMapWriter(asio::any_io_executor executor, IdMap::Options options, ThreadTable& table);

    /// Reads the file into the table, converting what earlier releases wrote.
    [[nodiscard]] Result<void> load();
    void start(); ///< begins to compact when the file asks for it
    void stop();  ///< joins the threads; the table may go afterwards

    /// `must_last`: a commit() may wait for it.
    void changed(ThreadTable::Index row, bool must_last);
    /// `row` is erased from the table now; a commit() may wait for it.
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
        std::string graves{}; ///< the lines of erased rows, which come first in `lines`
        std::set<std::pair<std::string, std::string>> buried{}; ///< owners and ids of the same
        std::string lines{};
        std::uint64_t last = 0; ///< of puts_
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
    /// Behind a batch that is on disk: what other processes wrote, a part at a time.
    [[nodiscard]] static Task<void>
    settle(std::shared_ptr<IdMapWriter> self, Batch batch, IdMapFile::Appended appended);
    void write_on();
    /// `ours`: its rows in order.
    void take_foreign(std::span<const std::string> lines, const Batch& ours);
    void resolve(std::uint64_t up_to, const Result<void>& result);
    /// Hands over what is put, and waits for it.
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
    std::vector<ThreadTable::Index> in_hand_{}; ///< of the batch being written
    /// Lines of erased rows. A row that is made again under the same name is written behind them.
    std::string graves_{};
    std::string graves_in_hand_{};
    std::set<std::pair<std::string, std::string>> buried_{}; ///< owners and ids in `graves_`
    /// The lines of erased rows in the file. They stay until it is compacted for its size: another
    /// process that has not read them yet would write its row again, title and all.
    std::string erased_{};
    bool titles_left_ = false; ///< the file may still hold titles of erased rows
    Millis forget_; ///< how long they may stay
    asio::steady_timer forget_timer_;
    bool forgetting_ = false; ///< the timer runs
    std::vector<std::shared_ptr<Waiter>> waiters_{};
    std::uint64_t puts_ = 0; ///< changes that must last
    std::uint64_t lasting_ = 0; ///< how many of them are on disk
    std::uint64_t lines_ = 0; ///< in the file
    bool must_last_ = false;
    bool probe_ = false; ///< somebody asks whether the disk takes anything
    bool writing_ = false;
    bool scheduled_ = false;
    bool compacting_ = false;
    bool compact_next_ = false; ///< as soon as nothing is written
    bool stopped_ = false;
    std::optional<Error> failed_{};
    asio::thread_pool writer_{1};
    asio::thread_pool compactor_{1};
};

} // namespace oa_stream::lane
