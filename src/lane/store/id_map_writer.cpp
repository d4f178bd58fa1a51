#include "id_map_writer.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <future>
#include <utility>

namespace oa_stream::lane {
namespace {

constexpr std::size_t k_lines_at_once = 2'000; ///< about two milliseconds of the loop

bool buries(const std::set<std::pair<std::string, std::string>>& names, const RowView& row) {
    return !names.empty() && names.contains({std::string(row.owner), std::string(row.id)});
}

} // namespace

IdMapWriter::IdMapWriter(asio::any_io_executor executor, IdMap::Options options, ThreadTable& table)
    : executor_(std::move(executor)), options_(std::move(options)), table_(&table),
      file_(options_.path), timer_(executor_), forget_(options_.forget), forget_timer_(executor_) {
}

void IdMapWriter::note(const std::string& what) const {
    if (!what.empty() && options_.note) {
        options_.note(options_.path.string() + ": " + what);
    }
}

void IdMapWriter::stop() {
    stopped_ = true;
    timer_.cancel();
    forget_timer_.cancel();
    writer_.join();
    compactor_.join();
    table_ = nullptr;
}

void IdMapWriter::changed(ThreadTable::Index row, bool must_last) {
    if (!persistent()) {
        return;
    }
    if (!std::exchange(table_->dirty(row), true)) {
        dirty_.push_back(row);
    }
    if (must_last) {
        ++puts_;
        must_last_ = true;
    }
    schedule();
}

void IdMapWriter::erased(const RowView& row) {
    if (!persistent()) {
        return;
    }
    RowView grave = row;
    grave.title = {};
    grave.deleted = true;
    append_line(graves_, grave);
    buried_.emplace(row.owner, row.id);
    ++puts_;
    must_last_ = true;
    schedule();
}

void IdMapWriter::schedule() {
    if (scheduled_ || stopped_) {
        return;
    }
    scheduled_ = true;
    timer_.expires_after(options_.delay + penalty_);
    timer_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
        const auto me = self.lock();
        if (me && !error && !me->stopped_) {
            me->scheduled_ = false;
            me->hand_over();
        }
    });
}

/// One rewrite of the file forgets all rows that were erased until then.
void IdMapWriter::schedule_forgetting() {
    if (!titles_left_ || forgetting_ || stopped_) {
        return;
    }
    forgetting_ = true;
    forget_timer_.expires_after(forget_);
    forget_timer_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
        const auto me = self.lock();
        if (me && !error && !me->stopped_) {
            me->forgetting_ = false;
            if (me->titles_left_) {
                me->begin_compacting();
            }
        }
    });
}

IdMapWriter::Batch IdMapWriter::take_batch() {
    Batch batch{.graves = std::exchange(graves_, {}), .last = puts_};
    batch.buried = std::exchange(buried_, {});
    batch.durable = std::exchange(must_last_, false);
    batch.lines = batch.graves;
    for (const auto row : std::exchange(dirty_, {})) {
        if (table_->alive(row) && std::exchange(table_->dirty(row), false)) {
            append_line(batch.lines, table_->row(row));
            batch.rows.push_back(row);
        }
    }
    return batch;
}

/// Writes one batch at a time: changes during the write form the next one.
void IdMapWriter::hand_over() {
    if (writing_ || stopped_ || (dirty_.empty() && graves_.empty() && !probe_)) {
        return;
    }
    writing_ = true;
    probe_ = false;
    auto batch = take_batch();
    in_hand_ = batch.rows;
    graves_in_hand_ = batch.graves;
    // The writer thread must not be the last owner, because stop() joins it: so it holds only a
    // weak pointer.
    asio::post(writer_, [this, self = weak_from_this(), batch = std::move(batch)]() mutable {
        auto result = file_.append(batch.lines, batch.durable);
        asio::post(
            executor_,
            [self, batch = std::move(batch), result = std::move(result)]() mutable {
                if (const auto me = self.lock(); me && !me->stopped_) {
                    me->written(std::move(batch), std::move(result));
                }
            }
        );
    });
}

void IdMapWriter::written(Batch batch, Result<IdMapFile::Appended> result) {
    in_hand_.clear();
    graves_in_hand_.clear();
    if (result) {
        spawn(
            executor_,
            "id map lines",
            settle(shared_from_this(), std::move(batch), *std::move(result))
        );
        return;
    }
    writing_ = false;
    failed_ = result.error();
    // Keep these rows for the next try, which writes their newest state.
    for (const auto row : batch.rows) {
        if (table_->alive(row) && !std::exchange(table_->dirty(row), true)) {
            dirty_.push_back(row);
        }
    }
    graves_.insert(0, batch.graves);
    buried_.merge(batch.buried);
    must_last_ = must_last_ || batch.durable;
    if (options_.problem) {
        options_.problem(*failed_);
    }
    resolve(batch.last, std::unexpected(*failed_));
    penalty_ = std::min(penalty_ * 2 + Millis(100), Millis(10'000));
    write_on();
}

/// Takes in lines of other processes; a file that another process rewrote is read completely. Until
/// that is done nothing is written, so that changes meanwhile count as newer.
Task<void>
IdMapWriter::settle(std::shared_ptr<IdMapWriter> self, Batch batch, IdMapFile::Appended appended) {
    if (appended.whole) { // `foreign` contains all of its lines
        self->erased_.clear();
        self->lines_ = 0;
    }
    std::ranges::sort(batch.rows);
    const std::span<const std::string> foreign(appended.foreign);
    for (std::size_t at = 0; at < foreign.size() && !self->stopped_; at += k_lines_at_once) {
        if (at > 0) {
            co_await asio::post(asio::use_awaitable);
        }
        if (!self->stopped_) {
            const auto count = std::min(k_lines_at_once, foreign.size() - at);
            self->take_foreign(foreign.subspan(at, count), batch);
        }
    }
    if (self->stopped_) {
        co_return;
    }
    self->writing_ = false;
    self->failed_.reset();
    self->penalty_ = Millis(0);
    self->lasting_ = batch.last;
    self->lines_ += batch.rows.size() + foreign.size() +
                    static_cast<std::uint64_t>(std::ranges::count(batch.graves, '\n'));
    self->erased_ += batch.graves;
    self->titles_left_ = self->titles_left_ || !batch.graves.empty();
    self->schedule_forgetting();
    self->note(appended.dropped);
    self->resolve(self->lasting_, {});
    if (appended.vanished || self->worth_compacting()) {
        self->begin_compacting();
    }
    self->write_on();
}

void IdMapWriter::write_on() {
    if (std::exchange(compact_next_, false)) {
        begin_compacting();
    }
    if (!waiters_.empty()) {
        // After the callers that were just answered: what they undo must not be written.
        asio::post(executor_, [self = weak_from_this()] {
            if (const auto me = self.lock()) {
                me->hand_over();
            }
        });
    } else if (!dirty_.empty() || !graves_.empty()) {
        schedule();
    }
}

/// The newest line of a row counts: that of another process, unless a line of `ours` was written
/// after it or a newer change, possibly its removal, still has to be written.
void IdMapWriter::take_foreign(std::span<const std::string> lines, const Batch& ours) {
    ThreadLogReader reader(
        [this, &ours](const RowView& row) {
            if (row.deleted) {
                append_line(erased_, row);
            }
            const auto known = table_->find(row.owner, row.id);
            const bool newer =
                known == ThreadTable::k_none
                    ? !buries(ours.buried, row) && !buries(buried_, row)
                    : !table_->dirty(known) && !std::ranges::binary_search(ours.rows, known);
            if (newer && !row.deleted) {
                table_->mark(table_->put(row)) = 0;
            } else if (newer && known != ThreadTable::k_none) {
                table_->erase(known);
            }
        },
        false
    );
    for (const auto& line : lines) {
        reader.feed(line);
    }
}

void IdMapWriter::resolve(std::uint64_t up_to, const Result<void>& result) {
    std::erase_if(waiters_, [&](const std::shared_ptr<Waiter>& waiter) {
        if (waiter->wanted > up_to) {
            return false;
        }
        waiter->result = result;
        waiter->timer.cancel();
        return true;
    });
}

Task<Result<void>> IdMapWriter::wait_written() {
    const auto waiter =
        std::make_shared<Waiter>(puts_, asio::steady_timer(executor_, Clock::time_point::max()));
    waiters_.push_back(waiter);
    hand_over();
    while (true) {
        if (auto& result = waiter->result) {
            co_return *std::move(result);
        }
        co_await waiter->timer.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto state = co_await asio::this_coro::cancellation_state;
        if (!waiter->result && state.cancelled() != asio::cancellation_type::none) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
}

Task<Result<void>> IdMapWriter::commit(std::shared_ptr<IdMapWriter> self) {
    if (self->lasting_ >= self->puts_ || !self->persistent()) {
        co_return Result<void>{};
    }
    co_return co_await self->wait_written();
}

Task<Result<void>> IdMapWriter::writable(std::shared_ptr<IdMapWriter> self) {
    if (!self->failed_) {
        co_return Result<void>{};
    }
    self->probe_ = true;
    co_return co_await self->wait_written();
}

Result<void> IdMapWriter::flush() {
    if (!persistent()) {
        return {};
    }
    // The batch being written may fail; writing its rows twice does no harm.
    for (const auto row : in_hand_) {
        if (table_->alive(row) && !std::exchange(table_->dirty(row), true)) {
            dirty_.push_back(row);
        }
    }
    graves_.insert(0, std::exchange(graves_in_hand_, {}));
    auto batch = take_batch();
    if (batch.lines.empty()) {
        return {};
    }
    std::promise<Result<void>> done;
    auto result = done.get_future();
    asio::post(writer_, [this, &done, &batch] {
        auto appended = file_.append(batch.lines, true);
        done.set_value(appended ? Result<void>{} : std::unexpected(std::move(appended).error()));
    });
    auto flushed = result.get();
    if (flushed) {
        lines_ += batch.rows.size();
        lasting_ = batch.last;
    }
    return flushed;
}

} // namespace oa_stream::lane
