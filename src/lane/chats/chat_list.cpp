#include "chat_list.hpp"

#include "oa_stream/base/lists.hpp"

#include "chat_title.hpp"
#include "projection.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <charconv>
#include <span>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr Millis k_check_wait{20}; ///< how long a list waits for the authority
constexpr Millis k_check_age{60'000}; ///< a row whose last check is older is checked again
/// Threads per request: between two requests, the authority's queue is free for turns.
constexpr std::size_t k_few = 10;
constexpr std::size_t k_search_step = 500;
constexpr Millis k_retry{5'000};
constexpr Millis k_reorder{2'000};

std::string cursor_key(const ThreadRow& row) {
    return std::to_string(row.updated_at) + '.' + row.id;
}

Accepted<std::optional<IdMap::Place>> read_place(const std::string& key) {
    if (key.empty()) {
        return std::nullopt;
    }
    IdMap::Place place;
    const char* end = key.data() + key.size();
    const auto [dot, error] = std::from_chars(key.data(), end, place.updated_at);
    if (error != std::errc{} || dot == end || *dot != '.') {
        return reject_cursor();
    }
    place.id.assign(dot + 1, end);
    return place;
}

Json page_of(std::vector<ThreadRow> rows, std::size_t limit, std::string_view list) {
    const bool more = rows.size() > limit;
    rows.resize(std::min(rows.size(), limit));
    Json body = Json::object();
    body["data"] = Json::array();
    for (const auto& row : rows) {
        authority::ThreadInfo info{.id = {}, .title = row.title};
        info.created_at = row.created_at;
        info.updated_at = row.updated_at;
        body["data"].push_back(project_thread(row.id, info, row.archived));
    }
    body["nextCursor"] = more ? Json(make_cursor(list, cursor_key(rows.back()))) : Json(nullptr);
    return body;
}

Rejection reject_search(const Error& error) {
    if (error.code == Code::precondition) {
        return reject(501, "not_supported", "this assistant cannot search messages");
    }
    return error.code == Code::too_large
               ? invalid_field("text", "too many conversations hold this text: use more of it")
               : reject_read(error);
}

} // namespace

authority::ThreadInfo completed(authority::ThreadInfo info, const ThreadRow& row) {
    if (info.title.empty()) {
        info.title = row.title;
    }
    // When its first message was replaced, a conversation is older than its thread.
    const auto either = std::max(info.created_at, row.created_at);
    const auto both = std::min(info.created_at, row.created_at);
    info.created_at = both == 0 ? either : both;
    info.updated_at = info.updated_at == 0 ? row.updated_at : info.updated_at;
    return info;
}

ThreadRow described(ThreadRow row, authority::ThreadInfo from) {
    const auto info = completed(std::move(from), row);
    row.title = short_title(info.title);
    row.created_at = info.created_at;
    row.updated_at = info.updated_at;
    return row;
}

Task<std::string>
name_of(authority::Authority* authority, std::string thread, std::string fallback) {
    std::vector<std::string> asked{std::move(thread)};
    const auto infos = co_await authority->threads(std::move(asked));
    if (!infos || infos->empty()) {
        co_return fallback;
    }
    co_return infos->front().named ? infos->front().title : std::string();
}

struct ChatList::Check {
    explicit Check(const asio::any_io_executor& executor) : over(executor) {}
    std::vector<ThreadRow> rows{};
    asio::steady_timer over;
    bool done = false;
    std::optional<Error> error{};
};

void ChatList::begin_check(const std::shared_ptr<Check>& check) {
    std::erase_if(check->rows, [this](const ThreadRow& row) {
        return !under_check_.insert(row.thread).second;
    });
    if (check->rows.empty()) {
        check->done = true;
        return;
    }
    spawn(lane_->executor, "chat list check", run_check(check));
}

Task<void> ChatList::run_check(std::shared_ptr<Check> check) {
    auto& rows = check->rows;
    // Oldest first: rows that move to the same second keep their order.
    std::ranges::reverse(rows);
    for (std::size_t begin = 0; begin < rows.size(); begin += k_few) {
        const auto few = std::span(rows).subspan(begin, std::min(k_few, rows.size() - begin));
        auto infos = co_await lane_->authority().threads(mapped(few, &ThreadRow::thread));
        if (!infos) {
            check->error = std::move(infos).error();
            break;
        }
        for (const ThreadRow& row : few) {
            if (lane_->ids().find(row.owner, row.id) != row) {
                continue; // used or renamed since the request
            }
            if (const auto* info = find_or_null(*infos, row.thread, &authority::ThreadInfo::id)) {
                lane_->ids().describe(described(row, *info));
            } else {
                lane_->ids().hide(row);
            }
        }
    }
    for (const auto& row : rows) {
        under_check_.erase(row.thread);
    }
    check->done = true;
    check->over.cancel();
}

/// Returns an error only when it matters: a row of the page was never described.
Task<std::optional<Error>>
ChatList::check_page(Rows which, std::optional<IdMap::Place> place, std::size_t limit) {
    const auto until = Clock::now() + k_check_wait;
    while (true) {
        const auto rows = lane_->ids().newest(which.owner, place, limit, which.archived);
        auto check = std::make_shared<Check>(lane_->executor);
        check->rows = lane_->ids().unchecked(rows, k_check_age, limit);
        begin_check(check);
        while (!check->done && Clock::now() < until) {
            check->over.expires_at(until);
            co_await check->over.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        if (check->error) {
            const bool unknown =
                std::ranges::any_of(rows, [](const ThreadRow& row) { return row.updated_at == 0; });
            co_return unknown ? check->error : std::nullopt;
        }
        if (check->rows.empty() || Clock::now() >= until) {
            co_return std::nullopt;
        }
    }
}

std::string_view ChatList::name_of(const Rows& which) noexcept {
    return !which.words.empty() ? "t" : !which.title.empty() ? "q" : which.archived ? "a" : "c";
}

/// Searches the titles in the id map: changes made at the authority itself may be missing. The loop
/// runs between two steps.
Task<std::vector<ThreadRow>>
ChatList::found(Rows which, std::optional<IdMap::Place> place, std::size_t limit) {
    std::vector<ThreadRow> found;
    while (true) {
        auto rows = lane_->ids().newest(which.owner, place, k_search_step, which.archived);
        const bool last = rows.size() < k_search_step;
        if (!rows.empty()) {
            place = IdMap::Place{rows.back().updated_at, rows.back().id};
        }
        for (auto& row : rows) {
            const bool with_words = which.words.empty() || which.with_words.contains(row.thread);
            if (found.size() < limit && with_words &&
                (which.title.empty() || folded(row.title).contains(which.title))) {
                found.push_back(std::move(row));
            }
        }
        if (last || found.size() == limit) {
            co_return found;
        }
        co_await asio::post(asio::use_awaitable);
    }
}

Task<Accepted<Json>> ChatList::page(Rows which, PageAsked asked) {
    OA_CO_TRY(const auto place, read_place(asked.after));
    if (!which.words.empty()) {
        auto ids = co_await lane_->authority().find_threads(which.owner, which.words);
        if (!ids) {
            co_return reject_search(ids.error());
        }
        which.with_words = {ids->begin(), ids->end()};
    }
    if (!which.title.empty() || !which.words.empty()) {
        const auto name = name_of(which);
        auto rows = co_await found(std::move(which), place, asked.limit + 1);
        co_return page_of(std::move(rows), asked.limit, name);
    }
    if (auto error = co_await check_page(which, place, asked.limit + 1)) {
        co_return reject_read(*error);
    }
    auto rows = lane_->ids().newest(which.owner, place, asked.limit + 1, which.archived);
    co_return page_of(std::move(rows), asked.limit, name_of(which));
}

Task<void> ChatList::date_rows() {
    auto& ids = lane_->ids();
    auto ordered = Clock::now();
    auto rows = ids.undated(k_few);
    while (!rows.empty()) {
        const auto began = Clock::now();
        const auto infos = co_await lane_->authority().threads(mapped(rows, &ThreadRow::thread));
        if (!infos && infos.error().code == Code::precondition) {
            co_return; // the authority lists no threads
        }
        if (!infos) {
            co_await sleep_for(k_retry);
            continue;
        }
        for (const auto& row : rows) {
            if (const auto* info = find_or_null(*infos, row.thread, &authority::ThreadInfo::id)) {
                ids.describe_undated(described(row, *info));
            } else {
                ids.hide(row);
            }
        }
        if (Clock::now() - ordered >= k_reorder) {
            ids.reorder();
            ordered = Clock::now();
        }
        co_await sleep_for(Clock::now() - began); // leaves half of the time to other work
        rows = ids.undated(k_few);
    }
    ids.reorder();
}

} // namespace oa_stream::lane
