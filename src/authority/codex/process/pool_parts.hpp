// Code shared by the pools of codex children.
#pragma once

#include "oa_stream/authority/authority.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace oa_stream::authority {

/// Increments `member->load` until the last copy of the result is destroyed.
template <typename Member>
[[nodiscard]] std::shared_ptr<void> in_use(const std::shared_ptr<Member>& member) {
    ++member->load;
    return std::shared_ptr<void>(member.get(), [member](void*) { --member->load; });
}

/// A child's turn, with the pool's id for its thread. Keeps `use` alive.
[[nodiscard]] std::unique_ptr<Turn>
rename_thread(std::shared_ptr<void> use, std::unique_ptr<Turn> turn, std::string thread);

using TellsThreads = std::function<void(std::vector<std::string> threads)>;

/// `report` for the threads of one child: `rename` maps each id to the pool's id. Empty if `report`
/// is.
template <typename Rename> [[nodiscard]] TellsThreads renaming(TellsThreads report, Rename rename) {
    if (!report) {
        return {};
    }
    return
        [report = std::move(report), rename = std::move(rename)](std::vector<std::string> threads) {
            std::ranges::transform(threads, threads.begin(), rename);
            report(std::move(threads));
        };
}

/// Runs tasks concurrently; returns when all have ended.
[[nodiscard]] Task<void> all_of(asio::any_io_executor executor, std::vector<Task<void>> tasks);

/// A pool of children as one authority; the destructor calls the pool's drop(). A thread's id in
/// the pool names its child: pin_of() returns that child's key and the id there, pinned() is the
/// reverse, and child_at() returns the open child. In a pool without join() turns end with their
/// handle. In a pool with check_place(), another child may have a thread that its child does not
/// know.
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
        if constexpr (k_joins) {
            return Pool::join(pool_, std::move(thread), ask_approvals);
        } else {
            return Authority::join(std::move(thread), ask_approvals);
        }
    }
    [[nodiscard]] Task<Result<bool>> may_join(std::string thread) override {
        if constexpr (k_joins) {
            return ask(pool_, std::move(thread), &Authority::may_join);
        } else {
            return Authority::may_join(std::move(thread));
        }
    }
    [[nodiscard]] Task<Result<void>> stop(std::string thread, std::string turn) override {
        if constexpr (k_joins) {
            return ask(pool_, std::move(thread), &Authority::stop, std::move(turn));
        } else {
            return Authority::stop(std::move(thread), std::move(turn));
        }
    }
    [[nodiscard]] Task<Result<EventBatch>> retell(std::string thread, std::string turn) override {
        if constexpr (k_joins) {
            return ask(pool_, std::move(thread), &Authority::retell, std::move(turn));
        } else {
            return Authority::retell(std::move(thread), std::move(turn));
        }
    }
    [[nodiscard]] Task<Result<std::vector<PastTurn>>> turns(std::string thread) override {
        return ask(pool_, std::move(thread), &Authority::turns);
    }
    [[nodiscard]] Task<Result<TurnsPage>> turns_page(TurnsQuery query) override {
        return page(pool_, std::move(query));
    }
    [[nodiscard]] Task<Result<std::vector<ThreadInfo>>> threads(std::vector<std::string> ids
    ) override {
        return list(pool_, std::move(ids));
    }
    [[nodiscard]] Task<Result<std::vector<std::string>>>
    find_threads(std::string owner, std::string words) override {
        return Pool::find_threads(pool_, std::move(owner), std::move(words));
    }
    [[nodiscard]] Task<Result<std::string>> make_thread(TurnRequest request) override {
        return Pool::make_thread(pool_, std::move(request));
    }
    [[nodiscard]] Task<Result<void>> name_thread(std::string thread, std::string title) override {
        return ask(pool_, std::move(thread), &Authority::name_thread, std::move(title));
    }
    [[nodiscard]] Task<Result<void>> delete_thread(std::string thread) override {
        return ask(pool_, std::move(thread), &Authority::delete_thread);
    }
    [[nodiscard]] Task<Result<std::string>>
    fork_thread(std::string thread, std::string last_turn) override {
        return fork(pool_, std::move(thread), std::move(last_turn));
    }
    [[nodiscard]] Task<Result<std::string>> kept(std::string thread) override {
        return ask(pool_, std::move(thread), &Authority::kept);
    }
    [[nodiscard]] std::string server_of(std::string_view thread) const override {
        return fmt::to_string(Pool::pin_of(thread).child);
    }
    [[nodiscard]] Health health() const override { return pool_->health(); }
    [[nodiscard]] Capabilities capabilities() const override { return pool_->capabilities(); }
    [[nodiscard]] std::vector<Reading> readings() const override { return pool_->readings(); }

private:
    using Self = std::shared_ptr<Pool>;
    using Key = typename Pool::Key;
    static constexpr bool k_joins = requires { &Pool::join; };

    /// Calls the child that has the thread.
    template <typename Answer, typename... Rest>
    [[nodiscard]] static Task<Result<Answer>>
    ask(Self pool,
        std::string thread,
        Task<Result<Answer>> (Authority::*what)(std::string, Rest...),
        Rest... rest) {
        auto pin = Pool::pin_of(thread);
        OA_CO_TRY(const auto found, co_await Pool::child_at(pool, pin.child));
        auto answer = co_await ((*found->codex).*what)(pin.id, std::move(rest)...);
        if (!answer && answer.error().code == Code::not_found) {
            OA_CO_CHECK(co_await check_place(pool, std::move(pin.child), std::move(pin.id)));
        }
        co_return answer;
    }

    [[nodiscard]] static Task<Result<void>> check_place(Self pool, Key child, std::string id) {
        if constexpr (requires { &Pool::check_place; }) {
            OA_CO_CHECK(co_await Pool::check_place(pool, std::move(child), std::move(id)));
        }
        co_return Result<void>{};
    }

    [[nodiscard]] static Task<Result<TurnsPage>> page(Self pool, TurnsQuery query) {
        auto pin = Pool::pin_of(query.thread);
        OA_CO_TRY(const auto found, co_await Pool::child_at(pool, pin.child));
        query.thread = pin.id;
        auto answer = co_await found->codex->turns_page(std::move(query));
        if (!answer && answer.error().code == Code::not_found) {
            OA_CO_CHECK(co_await check_place(pool, std::move(pin.child), std::move(pin.id)));
        }
        co_return answer;
    }

    [[nodiscard]] static Task<Result<std::string>>
    fork(Self pool, std::string thread, std::string last_turn) {
        const Key child = Pool::pin_of(thread).child;
        OA_CO_TRY(
            std::string id,
            co_await ask(pool, std::move(thread), &Authority::fork_thread, std::move(last_turn))
        );
        co_return Pool::pinned(child, std::move(id));
    }

    [[nodiscard]] static Task<Result<std::vector<ThreadInfo>>>
    list(Self pool, std::vector<std::string> ids) {
        std::map<Key, std::vector<std::string>> asked;
        for (const std::string& id : ids) {
            auto pin = Pool::pin_of(id);
            asked[std::move(pin.child)].push_back(std::move(pin.id));
        }
        std::map<std::string, ThreadInfo> found; // by the pool's ids
        for (auto& [child, own] : asked) {
            auto chosen = co_await Pool::child_at(pool, child);
            if (!chosen && chosen.error().code == Code::not_found) {
                continue;
            }
            OA_CO_TRY(const auto some, std::move(chosen));
            OA_CO_TRY(auto infos, co_await some->codex->threads(own));
            if (infos.empty()) {
                OA_CO_CHECK(co_await check_place(pool, child, std::move(own.front())));
            }
            for (ThreadInfo& info : infos) {
                info.id = Pool::pinned(child, std::move(info.id));
                std::string id = info.id;
                found.insert_or_assign(std::move(id), std::move(info));
            }
        }
        std::vector<ThreadInfo> out;
        for (const std::string& id : ids) {
            if (const auto info = found.find(id); info != found.end()) {
                out.push_back(info->second);
            }
        }
        co_return out;
    }

    Self pool_;
};

template <typename Pool>
[[nodiscard]] std::unique_ptr<Authority> pool_authority(std::shared_ptr<Pool> pool) {
    return std::make_unique<PoolAuthority<Pool>>(std::move(pool));
}

} // namespace oa_stream::authority
