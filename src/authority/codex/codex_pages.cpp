// Reading a part of a thread. Measured with codex 0.169.0 and 400 turns: a page without items takes
// 2 ms whatever it holds, one with the first and last item of each turn 5 ms, one with all items
// about 0.8 ms a turn. Cursors are codex's own and never leave this file.
#include "codex_core.hpp"
#include "codex_history.hpp"

#include <algorithm>
#include <iterator>

namespace oa_stream::authority {

namespace {

/// With items a turn may be as long as a request (8 MiB) and its answer; codex answers in one line,
/// and one above CodexOptions::line_bytes (64 MiB) ends the child with all that it runs.
constexpr std::size_t k_at_once = 6;

/// A thread runs one turn at a time, its newest. While it does, codex says the same of every turn
/// that ended with a process.
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

} // namespace

/// One page as codex gives it: a thread without turns has an empty one. One that is empty, or leads
/// to itself, is the last one, so that each list ends.
Task<Result<ListedTurns>> CodexCore::list_turns(
    Self self, Link link, TurnsQuery query, std::string cursor, std::size_t limit
) {
    RpcOutcome outcome =
        co_await call(self, link, "thread/turns/list", turns_query_params(query, cursor, limit));
    if (is_refusal(outcome, RefusalKind::thread_empty)) {
        co_return ListedTurns{};
    }
    OA_CO_CHECK(self->threads_.check_kept(query.thread));
    OA_CO_TRY(const Json result, settle(std::move(outcome), "thread/turns/list"));
    auto page = listed_turns(result, self->home_.work.string());
    if (page) {
        if (page->turns.empty() || page->next_cursor == cursor) {
            page->next_cursor.clear();
        }
        end_older(*page, query.newest_first, cursor.empty());
    }
    co_return page;
}

/// The cursor of a page that begins with `query.from`; empty when that is the first turn. Pages
/// without items are so much cheaper that looking through them costs less than keeping cursors.
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
    while (out.turns.size() < query.limit) {
        const bool bare = query.detail == TurnsQuery::Detail::none;
        const auto wanted =
            std::min(query.limit - out.turns.size(), bare ? query.limit : k_at_once);
        OA_CO_TRY(ListedTurns page, co_await list_turns(self, link, query, cursor, wanted));
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
