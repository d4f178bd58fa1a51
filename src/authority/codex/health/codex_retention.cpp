// Has codex delete threads that were unused for too long: rollout, history and rows.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/layout.hpp"

#include "clock_watch.hpp"
#include "codex/codex_core.hpp"
#include "codex/codex_requests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

namespace oa_stream::authority {

namespace {

constexpr Millis k_longest_pause{60 * 60'000}; ///< between two searches for threads to delete
constexpr Millis k_shortest_rest{60'000}; ///< between two searches for rollouts to compress,
constexpr Millis k_longest_rest{15 * 60'000};
constexpr Millis k_more{1'000}; ///< unless the last one left some
constexpr Millis k_between{20}; ///< between two deletions: turns have priority
constexpr int k_page = 50;

Json oldest_threads_params(bool archived, const std::string& cursor) {
    Json params = Json::object(
        {{"limit", k_page},
         {"sortKey", "updated_at"},
         {"sortDirection", "asc"},
         {"archived", archived},
         {"modelProviders", Json::array()}} // all of them
    );
    if (!cursor.empty()) {
        params["cursor"] = cursor;
    }
    return params;
}

/// `listed` starts with the oldest thread.
std::vector<std::string> unused_in(const Json& listed, std::int64_t oldest) {
    std::vector<std::string> out;
    for (const Json& thread : listed) {
        if (int_member(thread, "updatedAt").value_or(oldest) >= oldest) {
            break;
        }
        out.emplace_back(text_view_in(thread, "id"));
    }
    return out;
}

} // namespace

/// Deletes and compresses in turn: during compression, threads seem older than they are.
Task<void> CodexCore::tend_threads(Self self) {
    const Millis keep = self->options_.deadlines.keep_threads;
    const Millis rest = self->outlives() ? Millis(0) : self->options_.deadlines.compress_after;
    const auto never = Clock::time_point::max();
    const Millis pause = std::min(keep / 4, k_longest_pause);
    const Millis between = std::clamp(rest, k_shortest_rest, k_longest_rest);
    const bool at_once = self->options_.deadlines.looks_at_once;
    auto next_deletion = keep > Millis(0) ? Clock::now() + (at_once ? Millis(0) : pause) : never;
    // Not right after the start, when users return: a thread that is about to be loaded is left
    // alone.
    auto next_compression =
        rest > Millis(0) ? Clock::now() + std::min(rest, k_shortest_rest) : never;
    ClockWatch clock;
    while (!self->closing_ && std::min(next_deletion, next_compression) != never) {
        if (Clock::now() >= next_compression) {
            const bool more = co_await compress_resting(self);
            next_compression = Clock::now() + (more ? k_more : between);
        }
        if (Clock::now() >= next_deletion) {
            if (clock.was_set()) {
                self->log(LogLevel::warn, ClockWatch::k_warning);
            } else {
                co_await delete_unused(self);
            }
            next_deletion = Clock::now() + pause;
        }
        co_await idle_until(self, std::min(next_deletion, next_compression));
    }
}

Task<void> CodexCore::delete_unused(Self self) {
    const Link link = self->link_;
    if (self->closing_ || !link) {
        co_return;
    }
    const auto oldest = unix_now() - self->options_.deadlines.keep_threads.count() / 1'000;
    std::size_t deleted = co_await delete_threads(self, link, false, oldest);
    deleted += co_await delete_threads(self, link, true, oldest);
    if (deleted > 0) {
        self->log(
            LogLevel::info,
            fmt::format("deleted {} that nobody used for too long", counted(deleted, "thread"))
        );
    }
}

/// Its user or another lane may have used it since it was listed. If it cannot be read, the listed
/// age is used.
Task<bool> CodexCore::is_unused(Self self, Link link, std::string thread, std::int64_t oldest) {
    const RpcOutcome outcome = co_await call(
        self, link, "thread/read", Json::object({{"threadId", thread}, {"includeTurns", false}})
    );
    const auto* result = std::get_if<Json>(&outcome);
    const auto used =
        result == nullptr ? std::nullopt : int_member(object_in(*result, "thread"), "updatedAt");
    co_return !std::holds_alternative<Error>(outcome) && used.value_or(0) < oldest;
}

/// Deletes threads last used before `oldest` (Unix seconds); returns how many. Reports each page at
/// once: if the process ends before the last page, no data is left that only a deleted thread
/// needs.
Task<std::size_t>
CodexCore::delete_threads(Self self, Link link, bool archived, std::int64_t oldest) {
    std::size_t deleted = 0;
    std::string cursor;
    do {
        const RpcOutcome outcome =
            co_await call(self, link, "thread/list", oldest_threads_params(archived, cursor));
        const auto* page = std::get_if<Json>(&outcome);
        const Json* data = page == nullptr ? nullptr : member(*page, "data");
        if (data == nullptr || !data->is_array()) {
            break;
        }
        const std::vector<std::string> old = unused_in(*data, oldest);
        auto gone = co_await delete_listed(self, link, old, oldest);
        deleted += gone.size();
        self->counts_.deleted += gone.size();
        if (!gone.empty() && self->options_.forgotten) {
            self->options_.forgotten(std::move(gone));
        }
        cursor = old.size() < data->size() ? std::string{} : cursor_behind(*page, cursor);
    } while (!cursor.empty() && !self->closing_ && !link->lost());
    co_return deleted;
}

/// Codex refuses to delete a thread that a fork still needs.
Task<std::vector<std::string>> CodexCore::delete_listed(
    Self self, Link link, std::vector<std::string> threads, std::int64_t oldest
) {
    std::vector<std::string> deleted;
    for (const std::string& id : threads) {
        const auto known = self->threads_.find_or_add(id);
        if (known->busy || link->lost()) {
            continue;
        }
        const ThreadHold hold(known);
        if (!co_await is_unused(self, link, id, oldest)) {
            if (!hold->loaded) {
                self->threads_.forget(*hold);
            }
            continue;
        }
        const RpcOutcome answer = co_await call(self, link, "thread/delete", thread_params(id));
        if (std::holds_alternative<Json>(answer)) {
            deleted.push_back(id);
        }
        self->threads_.forget(*hold);
        co_await sleep_for(k_between);
    }
    co_return deleted;
}

} // namespace oa_stream::authority
