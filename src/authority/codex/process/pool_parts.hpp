// What the pools of codex children have in common.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::authority {

/// Counts one more use in `member->load` until the last copy of the result is gone.
template <typename Member>
[[nodiscard]] std::shared_ptr<void> in_use(const std::shared_ptr<Member>& member) {
    ++member->load;
    return std::shared_ptr<void>(member.get(), [member](void*) { --member->load; });
}

/// A turn of one child, under the pool's name for its thread. Keeps `use` as long as it lives.
[[nodiscard]] std::unique_ptr<Turn>
rename_thread(std::shared_ptr<void> use, std::unique_ptr<Turn> turn, std::string thread);

using TellsThreads = std::function<void(std::vector<std::string> threads)>;

/// `told` of one child's threads, each by the name that `rename` gives it in the pool. Empty where
/// `told` is.
template <typename Rename> [[nodiscard]] TellsThreads renaming(TellsThreads told, Rename rename) {
    if (!told) {
        return {};
    }
    return [told = std::move(told), rename = std::move(rename)](std::vector<std::string> threads) {
        std::ranges::transform(threads, threads.begin(), rename);
        told(std::move(threads));
    };
}

/// Runs tasks side by side; returns when the last one has ended.
[[nodiscard]] Task<void> all_of(asio::any_io_executor executor, std::vector<Task<void>> tasks);

using FoundThreads = std::map<std::string, ThreadInfo, std::less<>>; ///< by the pool's names

/// Those of `ids` that were found, in their order.
[[nodiscard]] std::vector<ThreadInfo>
in_order_of(const std::vector<std::string>& ids, const FoundThreads& found);

/// A pool of children as one authority; drop()s the pool in the end.
template <typename Pool> class PoolAuthority final : public Authority {
public:
    explicit PoolAuthority(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {}
    PoolAuthority(const PoolAuthority&) = delete;
    PoolAuthority& operator=(const PoolAuthority&) = delete;
    ~PoolAuthority() override { pool_->drop(); }

    [[nodiscard]] Task<Result<void>> open() override { return Pool::open(pool_); }
    [[nodiscard]] Task<void> close(Millis grace) override { return Pool::close(pool_, grace); }
    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>> start(TurnRequest request) override {
        return Pool::start(pool_, std::move(request));
    }
    [[nodiscard]] Task<Result<std::unique_ptr<Turn>>>
    join(std::string thread, bool ask_approvals) override {
        if constexpr (requires { Pool::join(pool_, std::move(thread), ask_approvals); }) {
            return Pool::join(pool_, std::move(thread), ask_approvals);
        } else {
            return Authority::join(std::move(thread), ask_approvals);
        }
    }
    [[nodiscard]] Task<Result<void>> stop(std::string thread, std::string turn) override {
        if constexpr (requires { Pool::stop(pool_, std::move(thread), std::move(turn)); }) {
            return Pool::stop(pool_, std::move(thread), std::move(turn));
        } else {
            return Authority::stop(std::move(thread), std::move(turn));
        }
    }
    [[nodiscard]] Task<Result<EventBatch>> retell(std::string thread, std::string turn) override {
        if constexpr (requires { Pool::retell(pool_, std::move(thread), std::move(turn)); }) {
            return Pool::retell(pool_, std::move(thread), std::move(turn));
        } else {
            return Authority::retell(std::move(thread), std::move(turn));
        }
    }
    [[nodiscard]] Task<Result<std::vector<PastTurn>>> turns(std::string thread) override {
        return Pool::turns(pool_, std::move(thread));
    }
    [[nodiscard]] Task<Result<TurnsPage>> turns_page(TurnsQuery query) override {
        return Pool::turns_page(pool_, std::move(query));
    }
    [[nodiscard]] Task<Result<std::vector<ThreadInfo>>> threads(std::vector<std::string> ids
    ) override {
        return Pool::threads(pool_, std::move(ids));
    }
    [[nodiscard]] Task<Result<std::vector<std::string>>>
    find_threads(std::string owner, std::string words) override {
        return Pool::find_threads(pool_, std::move(owner), std::move(words));
    }
    [[nodiscard]] Task<Result<std::string>> make_thread(TurnRequest request) override {
        return Pool::make_thread(pool_, std::move(request));
    }
    [[nodiscard]] Task<Result<void>> name_thread(std::string thread, std::string title) override {
        return Pool::name_thread(pool_, std::move(thread), std::move(title));
    }
    [[nodiscard]] Task<Result<void>> delete_thread(std::string thread) override {
        return Pool::delete_thread(pool_, std::move(thread));
    }
    [[nodiscard]] Task<Result<std::string>>
    fork_thread(std::string thread, std::string last_turn) override {
        return Pool::fork_thread(pool_, std::move(thread), std::move(last_turn));
    }
    [[nodiscard]] Task<Result<std::string>> kept(std::string thread) override {
        return Pool::kept(pool_, std::move(thread));
    }
    [[nodiscard]] Health health() const override { return pool_->health(); }
    [[nodiscard]] Capabilities capabilities() const override { return pool_->capabilities(); }
    [[nodiscard]] std::vector<Reading> readings() const override { return pool_->readings(); }

private:
    std::shared_ptr<Pool> pool_;
};

template <typename Pool>
[[nodiscard]] std::unique_ptr<Authority> pool_authority(std::shared_ptr<Pool> pool) {
    return std::make_unique<PoolAuthority<Pool>>(std::move(pool));
}

} // namespace oa_stream::authority
