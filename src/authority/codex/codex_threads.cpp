#include "codex_threads.hpp"

#include <algorithm>

namespace oa_stream::authority {

std::shared_ptr<CodexThread> CodexThreads::find(std::string_view id) const {
    const auto found = threads_.find(id);
    return found == threads_.end() ? nullptr : found->second;
}

std::shared_ptr<CodexThread> CodexThreads::find_or_add(const std::string& id) {
    auto& thread = threads_[id];
    if (!thread) {
        thread = std::make_shared<CodexThread>(executor_, id);
    }
    return thread;
}

Result<void> CodexThreads::check_kept(std::string_view id) const {
    const auto known = find(id);
    return known && known->deleted ? Result<void>(fail(Code::not_found, "the thread is deleted"))
                                   : Result<void>{};
}

Task<Result<ThreadHold>>
CodexThreads::hold(CodexThreads* self, std::string id, Clock::time_point deadline) {
    while (true) {
        const auto thread = self->find_or_add(id);
        if (!thread->busy) {
            co_return ThreadHold(thread);
        }
        const auto& live = thread->live;
        // Otherwise it is about to be released: its reader already knows the end.
        const bool running = live && !live->interrupting && !live->failed() && !live->abandoned;
        if (running || Clock::now() >= deadline) {
            co_return fail(Code::conflict, "a turn is running on this thread");
        }
        co_await thread->freed.wait_until(deadline);
        if (is_set(co_await asio::this_coro::cancellation_state)) {
            co_return fail(Code::cancelled, "cancelled");
        }
    }
}

void CodexThreads::forget(const CodexThread& thread) {
    if (const auto found = threads_.find(thread.id);
        found != threads_.end() && found->second.get() == &thread) {
        found->second->freed.notify();
        threads_.erase(found);
    }
}

void CodexThreads::lose_all(const Error& why) {
    for (const auto& [id, thread] : std::exchange(threads_, {})) {
        if (thread->live) {
            thread->live->fail(why);
        }
        ThreadHold::release(*thread);
    }
}

std::vector<std::shared_ptr<CodexThread>> CodexThreads::with_turns() const {
    std::vector<std::shared_ptr<CodexThread>> out;
    for (const auto& [id, thread] : threads_) {
        if (thread->live) {
            out.push_back(thread);
        }
    }
    return out;
}

void CodexThreads::unload_all() {
    for (auto entry = threads_.begin(); entry != threads_.end();) {
        entry->second->loaded = false;
        entry = entry->second->busy ? std::next(entry) : threads_.erase(entry);
    }
}

std::vector<std::shared_ptr<RunningTurn>> CodexThreads::fail_all(const Error& why) const {
    std::vector<std::shared_ptr<RunningTurn>> failed;
    for (const auto& [id, thread] : threads_) {
        if (thread->live) {
            thread->live->fail(why);
            failed.push_back(thread->live);
        }
    }
    return failed;
}

std::vector<std::shared_ptr<CodexThread>>
CodexThreads::surplus(Clock::time_point now, Millis linger, std::size_t keep) const {
    std::vector<std::shared_ptr<CodexThread>> idle;
    for (const auto& [id, thread] : threads_) {
        if (!thread->busy) {
            idle.push_back(thread);
        }
    }
    std::ranges::sort(idle, {}, [](const auto& thread) { return thread->idle_since; });
    const std::size_t beyond = idle.size() > keep ? idle.size() - keep : 0;
    std::vector<std::shared_ptr<CodexThread>> out;
    for (std::size_t i = 0; i < idle.size(); ++i) {
        if (i < beyond || now - idle[i]->idle_since >= linger || idle[i]->ephemeral) {
            out.push_back(idle[i]);
        }
    }
    return out;
}

std::size_t CodexThreads::loaded() const {
    return static_cast<std::size_t>(std::ranges::count_if(threads_, [](const auto& entry) {
        return entry.second->loaded;
    }));
}

std::size_t CodexThreads::busy() const {
    return static_cast<std::size_t>(std::ranges::count_if(threads_, [](const auto& entry) {
        return entry.second->busy;
    }));
}

} // namespace oa_stream::authority
