// A turn's log as a Redis stream: written by the turn's replica, read by replicas with readers.
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"

#include "redis_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <utility>

namespace oa_stream::store {

namespace {

constexpr Millis k_block{1'000};
constexpr Millis k_pause{25};
constexpr std::size_t k_entries = 1'000; ///< limit of one answer
/// Interval between two entries with a time: a sample of the lag is enough, and each time costs the
/// server time and memory.
constexpr Millis k_timed{10};
constexpr std::size_t k_large = 16U << 10U; ///< for a message of another replica

std::string id_text(std::uint64_t fence, std::uint64_t end) {
    return std::to_string(fence).append("-").append(std::to_string(end));
}

std::uint64_t number(std::string_view digits) {
    return parse_count(digits, 0, ~std::uint64_t{0}).value_or(0);
}

std::string id_behind(std::string_view id) {
    const auto fence = cut_until(id, '-');
    return fmt::format("{}-{}", fence, number(id) + 1);
}

using Place = std::pair<std::uint64_t, std::uint64_t>;

Place place_of(const LogEntry& entry) {
    return {entry.fence, entry.end};
}

bool is_entry(const Reply& reply) {
    return reply.items.size() == 2 && reply.at(0).contains('-') &&
           reply.items[1].kind == Reply::Kind::list;
}

/// Reads [id, [name, value, …]].
LogEntry entry_of(const Reply& reply) {
    LogEntry out;
    const auto id = reply.at(0);
    std::string_view rest = id;
    out.fence = number(cut_until(rest, '-'));
    out.end = number(rest);
    const auto& fields = reply.items[1].items;
    for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
        const auto& name = fields[i].text;
        auto* const to = name == "b"   ? &out.bytes
                         : name == "h" ? &out.head
                         : name == "e" ? &out.outcome
                                       : nullptr;
        if (to != nullptr) {
            *to = fields[i + 1].text;
        } else if (name == "t") {
            out.written_at = static_cast<std::int64_t>(number(fields[i + 1].text));
        } else {
            out.strange = out.strange || name != "x";
        }
    }
    return out;
}

/// nullopt: the reply is not such a list.
std::optional<std::vector<LogEntry>> entries_of(const Reply& list) {
    if (list.kind != Reply::Kind::list || !std::ranges::all_of(list.items, is_entry)) {
        return std::nullopt;
    }
    return mapped(list.items, entry_of);
}

/// Reads [id, ["t", turn, "r", reason, …]].
Wanted wanted_of(const Reply& entry) {
    const auto& fields = entry.items.size() > 1 ? entry.items[1] : entry;
    Wanted out;
    for (std::size_t i = 0; i + 1 < fields.items.size(); i += 2) {
        const auto name = fields.at(i);
        auto* const to = name == "t"   ? &out.turn
                         : name == "r" ? &out.reason
                         : name == "q" ? &out.request
                         : name == "f" ? &out.from
                         : name == "b" ? &out.body
                                       : nullptr;
        if (to != nullptr) {
            *to = fields.at(i + 1);
        }
    }
    return out;
}

} // namespace

/// There are thousands of appends a second, and most of their cost would be heap allocations.
void RedisStore::append(const Piece& piece, Sent on_sent, Answered done) {
    write_key(log_name_, "l", piece.turn);
    const auto id = id_text(piece.fence, piece.end);
    const auto began = Clock::now();
    const bool timed = began - timed_ >= k_timed;
    timed_ = timed ? began : timed_;
    const auto now = timed ? std::to_string(unix_us() / 1000) : std::string();
    const std::array<std::string_view, 8> words{
        "XADD", log_name_, "NOMKSTREAM", id, "b", piece.bytes, "t", now
    };
    auto on_reply = [this,
                     alive = alive_,
                     what = Appended{log_name_, piece.fence, piece.end, piece.bytes.size()},
                     done = std::move(done)](Result<Reply> reply) mutable {
        if (!*alive) {
            return;
        }
        count_answer(reply, link_->asked_at());
        if (auto known = written(what, reply)) {
            return done(*std::move(known), what.end, what.size);
        }
        spawn(
            executor_,
            "store log",
            [](RedisStore* self, Appended piece, Answered answer) -> Task<void> {
                answer(co_await self->look_at_top(piece), piece.end, piece.size);
            }(this, std::move(what), std::move(done))
        );
    };
    RedisLink::call_soon(
        link_,
        std::span(words).first(timed ? 8 : 6),
        piece.read ? RedisLink::Haste::read : RedisLink::Haste::soon,
        options_.wait,
        std::move(on_sent),
        std::move(on_reply)
    );
}

std::optional<Result<Written>>
RedisStore::written(const Appended& piece, const Result<Reply>& reply) {
    if (!reply) {
        return std::unexpected(reply.error());
    }
    if (reply->nil()) {
        look_soon(); // the server may have been emptied
        return Written::gone;
    }
    if (!reply->failed() && reply->text != id_text(piece.fence, piece.end)) {
        return strange_answer(link_);
    }
    if (!reply->failed()) {
        ++numbers_.appends;
        numbers_.append_bytes += piece.size;
        return Written::stored;
    }
    if (reply->text.starts_with("OOM")) {
        return Written::full;
    }
    if (is_foreign(reply->text)) { // otherwise the turn's end could never be written, either
        send_unread({"UNLINK", piece.log});
        return Written::gone;
    }
    if (!reply->text.contains("equal or smaller")) {
        return std::unexpected(error_of(*reply));
    }
    return std::nullopt;
}

/// The id was refused: the piece was stored by an attempt whose answer was lost, or another replica
/// writes the log now.
Task<Result<Written>> RedisStore::look_at_top(Appended piece) {
    OA_CO_TRY(const auto top, co_await ask_list({"XREVRANGE", piece.log, "+", "-", "COUNT", "1"}));
    const auto last = entries_of(top);
    if (!last) {
        co_return strange_answer(link_);
    }
    if (last->empty()) {
        co_return Written::gone;
    }
    const auto& [fence, end] = std::pair(last->front().fence, last->front().end);
    co_return fence == piece.fence&& end >= piece.end ? Written::stored : Written::fenced;
}

Task<Result<void>> RedisStore::drop_log(std::string turn) {
    return done(ask({"UNLINK", log(turn)}));
}

/// True when the key was not a log and was removed: the name is reserved for the turn's log.
Task<bool> RedisStore::drop_foreign(std::string log) {
    const auto alive = alive_;
    const auto top = co_await ask({"XREVRANGE", log, "+", "-", "COUNT", "1"});
    const bool foreign = *alive && top && top->failed() && is_foreign(top->text);
    if (foreign) {
        (void)co_await ask({"UNLINK", log});
    }
    co_return foreign;
}

Task<Result<Log>> RedisStore::read(std::string turn) {
    Log out;
    std::string from = "-";
    while (true) {
        auto reply =
            co_await ask_list({"XRANGE", log(turn), from, "+", "COUNT", std::to_string(k_entries)});
        if (!reply && is_foreign(reply.error().message) && co_await drop_foreign(log(turn))) {
            co_return Log{};
        }
        OA_CO_CHECK(reply);
        auto more = entries_of(*reply);
        if (!more || (!out.entries.empty() && !more->empty() &&
                      place_of(more->front()) <= place_of(out.entries.back()))) {
            co_return strange_answer(link_); // the loop would never end
        }
        const bool full = more->size() >= k_entries;
        std::ranges::move(*more, std::back_inserter(out.entries));
        if (!full) {
            co_return out;
        }
        from = "(" + id_text(out.entries.back().fence, out.entries.back().end);
    }
}

/// With too many tails it polls: blocking on that many streams costs the server more.
Task<Result<std::vector<TailNews>>>
RedisStore::follow(std::vector<Tail> tails, std::size_t follower) {
    const bool waits = tails.size() <= k_most_waited;
    const auto within = (waits ? k_block : Millis(0)) + options_.wait;
    std::vector<Command> commands;
    for (std::size_t at = 0; at == 0 || at < tails.size(); at += k_most_waited) {
        const auto rest = std::span(tails).subspan(at);
        const auto some = rest.first(std::min(rest.size(), k_most_waited));
        commands.push_back(read_news(some, at == 0 ? &inbox_at_[follower] : nullptr, waits));
    }
    OA_CO_TRY(
        const auto replies,
        co_await RedisLink::call_all(news_[follower], std::move(commands), within)
    );
    std::vector<TailNews> out;
    for (const auto& reply : replies) {
        // One wrong key makes the server refuse the whole command
        if (reply.failed() && is_foreign(reply.text)) {
            for (const auto& tail : tails) {
                (void)co_await drop_foreign(log(tail.turn));
            }
        }
        if (reply.failed()) {
            co_return std::unexpected(error_of(reply));
        }
        if (!take_news(reply, follower, out)) {
            co_return strange_answer(news_[follower]);
        }
    }
    if (!waits) {
        co_await sleep_for(k_pause);
    }
    co_return out;
}

/// `inbox_at`: the last entry that was read of the inbox; null: do not read it.
Command
RedisStore::read_news(std::span<const Tail> tails, const std::string* inbox_at, bool waits) const {
    Command command{"XREAD", "COUNT", std::to_string(k_entries)};
    if (waits) {
        command.emplace_back("BLOCK");
        command.push_back(std::to_string(k_block.count()));
    }
    command.emplace_back("STREAMS");
    if (inbox_at != nullptr) {
        command.push_back(key("in", session_));
    }
    for (const auto& tail : tails) {
        command.push_back(log(tail.turn));
    }
    if (inbox_at != nullptr) {
        command.push_back(*inbox_at);
    }
    for (const auto& tail : tails) {
        command.push_back(id_text(tail.fence, tail.end));
    }
    return command;
}

void RedisStore::note_lags(std::span<const LogEntry> entries) {
    const auto now = unix_us() / 1000;
    for (const auto& entry : entries) {
        if (entry.written_at > 0) { // if the writer's clock is ahead, the lag counts as 0
            const auto lag = std::max<std::int64_t>(now - entry.written_at, 0);
            numbers_.tail_lags.observe(static_cast<double>(lag) / 1000);
        }
    }
}

/// False: the reply does not have the form of news.
bool RedisStore::take_news(const Reply& reply, std::size_t follower, std::vector<TailNews>& out) {
    const auto logs = log("");
    for (const auto& stream : reply.items) {
        const auto name = stream.at(0);
        auto entries = stream.items.size() == 2 ? entries_of(stream.items[1]) : std::nullopt;
        if (entries && name == key("in", session_)) {
            take_inbox(stream.items[1], follower);
        } else if (entries && name.starts_with(logs)) {
            out.push_back({name.substr(logs.size()), *std::move(entries)});
            note_lags(out.back().entries);
        } else {
            return false;
        }
    }
    return reply.nil() || reply.kind == Reply::Kind::list;
}

/// For the other followers the inbox only serves to wake them.
void RedisStore::take_inbox(const Reply& entries, std::size_t follower) {
    bool large = false;
    for (const auto& entry : entries.items) {
        inbox_at_[follower] = entry.at(0);
        if (follower > 0) {
            continue;
        }
        const auto wanted = wanted_of(entry);
        large = large || wanted.body.size() > k_large;
        if (on_wanted && !wanted.turn.empty()) {
            on_wanted(wanted);
        }
    }
    if (large) { // trim large messages now: they would stay until many more push them out
        send_unread(
            {"XADD",
             key("in", session_),
             "NOMKSTREAM",
             "MINID",
             "=",
             id_behind(inbox_at_.front()),
             "*",
             "w",
             "1"}
        );
    }
}

void RedisStore::wake() {
    send_unread({"XADD", key("in", session_), "MAXLEN", "~", "1000", "*", "w", "1"});
    send_unread({"PEXPIRE", key("in", session_), inbox_time()});
}

void RedisStore::tell_readers(const std::string& turn, std::size_t count) {
    const auto name = key("r", turn);
    const auto on_reply = [this, alive = alive_, turn, count](const Result<Reply>& reply) {
        if (!*alive) {
            return;
        }
        if (!reply || reply->failed()) {
            uncounted_.insert_or_assign(turn, count);
        } else {
            uncounted_.erase(turn); // answers arrive in order, so this removes an earlier failure
        }
    };
    if (count == 0) { // the last session's entry leaves no key behind
        return send_unread({"HDEL", name, session_}, on_reply);
    }
    send_unread({"HSET", name, session_, std::to_string(count)}, on_reply);
    send_unread({"PEXPIRE", name, std::to_string(options_.turn_time.count())});
}

Task<Result<std::size_t>> RedisStore::readers(std::string turn) {
    OA_CO_TRY(const auto reply, co_await run(scripts::readers, {key("r", turn)}, {}));
    co_return reply.count();
}

} // namespace oa_stream::store
