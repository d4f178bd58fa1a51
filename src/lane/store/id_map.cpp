#include "oa_stream/lane/id_map.hpp"

#include "id_map_file.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <future>
#include <unordered_map>

namespace oa_stream::lane {

struct IdMap::Impl : std::enable_shared_from_this<IdMap::Impl> {
    Impl(const asio::any_io_executor& on, std::filesystem::path path, Millis wait, Problem hear)
        : executor(on), persistent(!path.empty()), file(std::move(path)), delay(wait),
          problem(std::move(hear)), timer(on) {}

    asio::any_io_executor executor;
    bool persistent;
    IdMapFile file; ///< the writer thread's, once open() is through
    Millis delay;
    Millis penalty{0}; ///< added after a failed write
    Problem problem;
    asio::steady_timer timer;
    std::unordered_map<std::string, ThreadRow> rows;
    std::unordered_map<std::string, std::vector<std::string>> owners; ///< keys of each one's rows
    std::vector<ThreadRow> fresh; ///< not yet handed to the writer
    bool scheduled = false;
    asio::thread_pool writer{1};

    /// `fresh_one` replaces a row of the same key.
    void keep(ThreadRow row, bool fresh_one) {
        auto key = row_key(row.owner, row.id);
        const auto [at, added] = rows.try_emplace(key, row);
        if (added) {
            owners[row.owner].push_back(std::move(key));
        } else if (fresh_one) {
            at->second = std::move(row);
        }
    }

    void schedule() {
        if (!persistent || scheduled) {
            return;
        }
        scheduled = true;
        timer.expires_after(delay + penalty);
        timer.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
            const auto me = self.lock();
            if (me && !error) {
                me->scheduled = false;
                me->hand_over();
            }
        });
    }

    /// The writer's tasks hold the map weakly: its end joins them, so they never own it.
    void hand_over() {
        if (fresh.empty()) {
            return;
        }
        asio::post(
            writer,
            [this, self = weak_from_this(), batch = std::exchange(fresh, {})]() mutable {
                auto foreign = file.merge(batch);
                asio::post(
                    executor,
                    [self, batch = std::move(batch), foreign = std::move(foreign)]() mutable {
                        if (const auto me = self.lock()) {
                            me->written(std::move(batch), std::move(foreign));
                        }
                    }
                );
            }
        );
    }

    void written(std::vector<ThreadRow> batch, Result<std::vector<ThreadRow>> foreign) {
        if (foreign) {
            penalty = Millis(0);
            for (auto& row : *foreign) {
                // Ours are newer, and they were merged already.
                keep(std::move(row), false);
            }
            return;
        }
        problem(foreign.error());
        // Kept for the next try; rows put since then stay behind them and so win.
        batch.insert(batch.end(), fresh.begin(), fresh.end());
        fresh = std::move(batch);
        penalty = std::min(penalty * 2 + Millis(100), Millis(10000));
        schedule();
    }
};

IdMap::IdMap(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {
}

IdMap::~IdMap() {
    impl_->timer.cancel();
    impl_->writer.join();
}

Result<std::unique_ptr<IdMap>> IdMap::open(
    const asio::any_io_executor& executor, std::filesystem::path path, Millis delay, Problem problem
) {
    const bool persistent = !path.empty();
    auto impl = std::make_shared<Impl>(executor, std::move(path), delay, std::move(problem));
    if (persistent) {
        OA_TRY(const auto rows, impl->file.load());
        for (const auto& row : rows) {
            impl->keep(row, true);
        }
    }
    return std::unique_ptr<IdMap>(new IdMap(std::move(impl)));
}

const ThreadRow* IdMap::find(std::string_view owner, std::string_view id) const {
    const auto found = impl_->rows.find(row_key(owner, id));
    return found == impl_->rows.end() ? nullptr : &found->second;
}

void IdMap::put(ThreadRow row) {
    if (impl_->persistent) {
        impl_->fresh.push_back(row);
        impl_->schedule();
    }
    impl_->keep(std::move(row), true);
}

std::vector<ThreadRow> IdMap::rows_of(std::string_view owner) const {
    std::vector<ThreadRow> out;
    if (const auto keys = impl_->owners.find(std::string(owner)); keys != impl_->owners.end()) {
        for (const auto& key : keys->second) {
            out.push_back(impl_->rows.at(key));
        }
    }
    return out;
}

void IdMap::note_turn(
    std::string_view owner, std::string_view id, std::string message, std::string turn
) {
    const auto found = impl_->rows.find(row_key(owner, id));
    if (found != impl_->rows.end()) {
        found->second.last_message = std::move(message);
        found->second.last_turn = std::move(turn);
    }
}

std::size_t IdMap::size() const noexcept {
    return impl_->rows.size();
}

Result<void> IdMap::flush() {
    if (!impl_->persistent) {
        return {};
    }
    std::promise<Result<void>> done;
    auto result = done.get_future();
    // Behind whatever the writer has in hand, so an empty batch waits for that.
    asio::post(impl_->writer, [this, &done, batch = std::exchange(impl_->fresh, {})]() mutable {
        auto merged =
            batch.empty() ? Result<std::vector<ThreadRow>>{} : impl_->file.merge(std::move(batch));
        done.set_value(merged ? Result<void>{} : std::unexpected(std::move(merged).error()));
    });
    return result.get();
}

} // namespace oa_stream::lane
