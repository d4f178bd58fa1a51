// Reads a part of a thread. Measured with codex 0.169.0 and 400 turns: a page without items takes 2
// ms whatever its size, one with the first and last item of each turn 5 ms, one with all items
// about 0.8 ms per turn. Cursors are codex's own and never leave this file.
#include "oa_stream/base/json_members.hpp"

#include "codex_core.hpp"
#include "codex_history.hpp"
#include "codex_requests.hpp"

#include <algorithm>
#include <iterator>

namespace oa_stream::authority {

namespace {

/// With items, a turn can be as long as a request (8 MiB) plus its answer, or longer with function
/// results. Codex answers in one line, and a line above CodexOptions::line_bytes (64 MiB) is lost;
/// then the turns are requested one by one, and in turn the items of one turn.
constexpr std::size_t k_at_once = 6;
/// A page with photos is tens of megabytes, which the loop parses while all streams stand still. So
/// the first one is small, and those behind a slow one have one turn each.
constexpr std::size_t k_at_first = 2;
constexpr Millis k_slow_page{100};

/// How long a client's read waits for others.
constexpr Millis k_read_wait{10'000};

bool outgrew_line(const RpcOutcome& outcome) {
    const auto* error = std::get_if<Error>(&outcome);
    return error != nullptr && error->code == Code::too_large;
}

/// A thread runs one turn at a time, its newest. While it runs, codex also reports as running every
/// turn that ended with a process.
void end_older(ListedTurns& page, bool newest_first, bool begins) {
    for (std::size_t i = 0; i < page.turns.size(); ++i) {
        PastTurn& turn = page.turns[i];
        const bool newest = newest_first ? begins && i == 0
                                         : page.next_cursor.empty() && i + 1 == page.turns.size();
        if (turn.running && !newest) {
            turn.running = false;
            turn.outcome = turn::Outcome::interrupted;
        }
    }
}

/// The turn, if codex lists it as interrupted: so it calls a turn for some milliseconds behind its
/// last item, until it has stored the end. Else nullptr.
PastTurn* cut_short(ListedTurns& page, std::string_view id) {
    const auto found = std::ranges::find(page.turns, id, &PastTurn::id);
    const bool cut = found != page.turns.end() && !found->running &&
                     found->outcome == turn::Outcome::interrupted;
    return cut ? &*found : nullptr;
}

} // namespace

/// The page of a single turn that is too long for one line.
Task<RpcOutcome>
CodexCore::list_long_turn(Self self, Link link, TurnsQuery query, std::string cursor) {
    query.detail = TurnsQuery::Detail::none;
    RpcOutcome page =
        co_await call(self, link, "thread/turns/list", turns_query_params(query, cursor, 1));
    auto* listed = std::get_if<Json>(&page);
    if (listed == nullptr || list_in(*listed, "data").empty() ||
        text_view_in(list_in(*listed, "data").front(), "id").empty()) {
        co_return page;
    }
    Json& turn = (*listed)["data"][0];
    Json params = thread_params(query.thread);
    params["turnId"] = text_in(turn, "id");
    params["limit"] = k_at_once;
    Json items = Json::array();
    while (true) {
        RpcOutcome outcome = co_await call(self, link, "thread/items/list", params);
        if (outgrew_line(outcome) && params["limit"] != 1) {
            params["limit"] = 1;
            continue;
        }
        const auto* part = std::get_if<Json>(&outcome);
        if (part == nullptr) {
            co_return outcome;
        }
        const Json& entries = list_in(*part, "data");
        for (const Json& entry : entries) {
            items.push_back(object_in(entry, "item"));
        }
        std::string next = cursor_behind(*part, text_in(params, "cursor"));
        if (next.empty() || entries.empty()) { // guarantees that the loop ends
            turn["items"] = std::move(items);
            co_return page;
        }
        params["cursor"] = std::move(next);
    }
}

/// One page from codex; a thread without turns has an empty page. A page that is empty, or whose
/// cursor leads to itself, counts as the last, so that every loop ends.
Task<Result<ListedTurns>> CodexCore::list_turns(
    Self self, Link link, TurnsQuery query, std::string cursor, std::size_t limit
) {
    const auto thread = self->threads_.find(query.thread);
    const auto live = thread ? thread->live : nullptr;
    RpcOutcome outcome =
        co_await call(self, link, "thread/turns/list", turns_query_params(query, cursor, limit));
    if (outgrew_line(outcome) && limit == 1 && query.detail == TurnsQuery::Detail::all) {
        outcome = co_await list_long_turn(self, link, query, cursor);
    }
    if (is_refusal(outcome, RefusalKind::thread_empty)) {
        co_return ListedTurns{};
    }
    OA_CO_CHECK(self->threads_.check_kept(query.thread));
    OA_CO_TRY(Json result, settle(std::move(outcome), "thread/turns/list"));
    auto page = listed_turns(std::move(result), self->home_.work.string());
    if (page) {
        if (page->turns.empty() || page->next_cursor == cursor) {
            page->next_cursor.clear();
        }
        end_older(*page, query.newest_first, cursor.empty());
        if (PastTurn* turn = live ? cut_short(*page, live->id()) : nullptr) {
            if (thread->live != live) { // its end has come since then
                co_return co_await list_turns(
                    self, link, std::move(query), std::move(cursor), limit
                );
            }
            turn->running = true;
        }
    }
    co_return page;
}

/// The cursor of a page that starts with `query.from`; empty when that is the first turn. Pages
/// without items are so cheap that searching them costs less than storing cursors.
Task<Result<std::string>> CodexCore::cursor_at(Self self, Link link, TurnsQuery query) {
    query.detail = TurnsQuery::Detail::none;
    std::string cursor;
    while (true) {
        OA_CO_TRY(
            const ListedTurns page, co_await list_turns(self, link, query, cursor, k_history_page)
        );
        const auto found = std::ranges::find(page.turns, query.from, &PastTurn::id);
        if (found == page.turns.begin() && !page.turns.empty()) {
            co_return cursor;
        }
        if (found != page.turns.end()) {
            const auto before = static_cast<std::size_t>(found - page.turns.begin());
            OA_CO_TRY(
                const ListedTurns part, co_await list_turns(self, link, query, cursor, before)
            );
            co_return part.next_cursor;
        }
        if (page.next_cursor.empty()) {
            co_return fail(Code::precondition, "this thread has no such turn");
        }
        cursor = page.next_cursor;
    }
}

/// For one page: other readers may come in between, and turns wait for one page at most.
Task<Result<ReadQueue::Pass>>
CodexCore::pass_read(Self self, std::optional<TurnsQuery::Reader> reader) {
    if (!reader) {
        co_return ReadQueue::Pass{};
    }
    const auto deadline = Clock::now() + k_read_wait;
    auto pass = co_await ReadQueue::enter(&self->reads_, reader->owner, deadline);
    if (is_set(co_await asio::this_coro::cancellation_state) || reader->left()) {
        co_return fail(Code::cancelled, "the reader has left");
    }
    if (!pass) {
        co_return fail(Code::unavailable, "codex reads other histories", "retry_after:1");
    }
    co_return pass;
}

Task<Result<TurnsPage>> CodexCore::turns_page(Self self, TurnsQuery query) {
    OA_CO_TRY(const Link link, co_await ready_link(self));
    if (query.loaded) {
        OA_CO_CHECK(co_await load_known(self, link, query.thread));
    }
    std::string cursor;
    if (!query.from.empty()) {
        OA_CO_TRY(cursor, co_await cursor_at(self, link, query));
    }
    TurnsPage out;
    const bool bare = query.detail == TurnsQuery::Detail::none;
    std::size_t at_once = bare ? query.limit : k_at_first;
    while (out.turns.size() < query.limit) {
        const auto wanted = std::min(query.limit - out.turns.size(), at_once);
        OA_CO_TRY(const ReadQueue::Pass pass, co_await pass_read(self, query.reader));
        const auto asked = Clock::now();
        auto listed = co_await list_turns(self, link, query, cursor, wanted);
        if (!listed && listed.error().code == Code::too_large && wanted > 1) {
            at_once = 1;
            continue;
        }
        OA_CO_TRY(ListedTurns page, std::move(listed));
        if (!bare) {
            const bool large = at_once == 1 || Clock::now() - asked > k_slow_page;
            at_once = large ? 1 : std::min(2 * at_once, k_at_once);
        }
        std::ranges::move(page.turns, std::back_inserter(out.turns));
        const bool overfull = out.turns.size() > query.limit;
        out.turns.resize(std::min(out.turns.size(), query.limit));
        out.more = overfull || !page.next_cursor.empty();
        if (!out.more || overfull) {
            break;
        }
        cursor = std::move(page.next_cursor);
    }
    co_await mark_ends(self, link, std::move(query), &out.turns);
    co_return out;
}

} // namespace oa_stream::authority
