// The holder of a thread's turn: acquires, commits, ends and releases it, and decides for dead
// replicas.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/url.hpp"

#include "redis_store.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace oa_stream::store {

namespace {

constexpr std::string_view k_nobody = "-"; ///< holder of turns that were released while running
constexpr Millis k_log_slack{600'000};
constexpr int k_inbox_leases = 3;

std::string text(std::uint64_t number) {
    return std::to_string(number);
}

constexpr std::size_t k_mine = 3 + k_field_count + 1; ///< number of items in such an answer
constexpr std::size_t k_theirs = 7;

/// The meaning of a script's first word, and the number of items in its answer.
template <class T> struct Word {
    std::string_view word;
    T means;
    std::size_t items = 1;
};
constexpr std::array<Word<Written>, 4> k_written{
    {{"stored", Written::stored},
     {"gone", Written::gone},
     {"fenced", Written::fenced},
     {"hole", Written::hole}}
};
constexpr std::array<Word<Acquired::Kind>, 6> k_acquired{
    {{"mine", Acquired::Kind::mine, k_mine},
     {"busy", Acquired::Kind::busy, k_theirs},
     {"orphan", Acquired::Kind::orphan, k_theirs},
     {"full", Acquired::Kind::full},
     {"owner", Acquired::Kind::owner_full},
     {"awaited", Acquired::Kind::awaited}}
};
constexpr std::array<Word<Acquired::Kind>, 3> k_placed{
    {{"mine", Acquired::Kind::mine},
     {"full", Acquired::Kind::full},
     {"owner", Acquired::Kind::owner_full}}
};

template <class T> std::optional<T> meaning_of(const Reply& reply, std::span<const Word<T>> words) {
    const auto word = reply.kind == Reply::Kind::list ? reply.at(0) : reply.text;
    const auto items = std::max<std::size_t>(1, reply.items.size());
    const auto found = std::ranges::find_if(words, [&](const Word<T>& one) {
        return one.word == word && items >= one.items;
    });
    return found == words.end() ? std::nullopt : std::optional(found->means);
}

Holding holding_of(const Reply& reply) {
    Holding out;
    out.fence = reply.items[1].count();
    out.session = reply.at(2);
    out.phase = phase_of(reply.at(3));
    out.turn = reply.at(4);
    out.stop = reply.at(5);
    return out;
}

Command acquire_args(const AcquireRequest& request) {
    return {
        request.request,
        percent_encode(request.key.owner),
        row_name(request.key),
        text(request.most),
        text(request.most_of_owner)
    };
}

/// The first arguments of reap and adopt: the row and its log as they were read.
Command taken_from(const TakeRequest& request) {
    return {
        request.from.session,
        text(request.from.fence),
        text(request.top_fence),
        text(request.top_end)
    };
}

} // namespace

Task<Result<Reply>> RedisStore::run_counted(Script script, Command keys, Command args) {
    OA_CO_TRY(auto reply, co_await run_counting(script, keys, args));
    if (reply.at(0) == "dead") {
        OA_CO_CHECK(co_await sign_on_again());
        OA_CO_TRY(reply, co_await run_counting(script, std::move(keys), args));
    }
    if (reply.at(0) == "dead") {
        co_return fail(Code::unavailable, "the store lost this process' session");
    }
    co_return reply;
}

Task<Result<Reply>> RedisStore::run_counting(Script script, Command keys, Command args) {
    ++counting_;
    auto reply = co_await decide(script, std::move(keys), std::move(args));
    --counting_;
    co_return reply;
}

Task<Result<Acquired>> RedisStore::acquire(AcquireRequest request) {
    auto args = acquire_args(request);
    OA_CO_TRY(
        const auto reply,
        co_await run_counted(scripts::acquire, {row(request.key)}, std::move(args))
    );
    const auto kind = meaning_of<Acquired::Kind>(reply, k_acquired);
    if (!kind) {
        co_return strange_answer(link_);
    }
    Acquired out;
    out.kind = *kind;
    if (out.kind == Acquired::Kind::mine) {
        out.holding.session = session_;
        out.holding.phase = Phase::starting;
        out.holding.fence = reply.items[1].count();
        out.unsure = reply.at(2) == "1";
        out.fields = fields_at(reply, 3);
        out.version = reply.items[2 + k_field_count].count();
        out.erased = reply.at(3 + k_field_count) == "1";
        held_.add(request.key, out.holding.fence);
    } else if (out.kind == Acquired::Kind::busy || out.kind == Acquired::Kind::orphan) {
        out.holding = holding_of(reply);
        out.holding.alive = out.kind == Acquired::Kind::busy;
        out.readers = reply.items[6].count();
    }
    co_return out;
}

Task<Result<bool>>
RedisStore::hold_again(ThreadKey key, std::uint64_t fence, std::string turn, KeyRequest use) {
    return yes(
        run(scripts::hold_again,
            {row(key)},
            {text(fence),
             std::move(turn),
             row_name(key),
             use_hash(use.owner, use.key),
             std::move(use.request),
             std::move(use.thread),
             std::move(use.attempt),
             use_life()})
    );
}

Task<Result<std::vector<ThreadKey>>> RedisStore::held() {
    OA_CO_TRY(const auto reply, co_await ask_list({"SMEMBERS", key("o", session_)}));
    co_return mapped(reply.items, [](const Reply& item) { return thread_of(item.text); });
}

Task<Result<Acquired::Kind>> RedisStore::take_place(AcquireRequest request) {
    OA_CO_TRY(
        const auto reply, co_await run_counted(scripts::take_place, {}, acquire_args(request))
    );
    const auto kind = meaning_of<Acquired::Kind>(reply, k_placed);
    if (!kind) {
        co_return strange_answer(link_);
    }
    if (*kind == Acquired::Kind::mine) {
        held_.add_place(request.key.owner);
    }
    co_return *kind;
}

void RedisStore::give_place(const std::string& owner) {
    held_.remove_place(owner);
    for (auto field : {std::string("n"), "o:" + percent_encode(owner)}) {
        ++counting_;
        spawn(
            executor_,
            "store",
            [](RedisStore* self, std::shared_ptr<bool> alive, Command less) -> Task<void> {
                const auto wait = self->options_.wait;
                (void)co_await RedisLink::call(self->link_, std::move(less), wait);
                if (*alive) {
                    --self->counting_;
                }
            }(this, alive_, {"HINCRBY", key("c", session_), std::move(field), "-1"})
        );
    }
}

std::string RedisStore::log_life() const {
    return std::to_string((options_.turn_time + k_log_slack).count());
}

Task<Result<Committed>> RedisStore::commit(CommitRequest request) {
    auto keys = row_keys(request.key);
    keys.push_back(log(request.turn));
    Command args{
        request.key.id,
        text(request.fence),
        request.turn,
        std::move(request.head),
        log_life(),
        use_hash(request.key.owner, request.idempotency)
    };
    if (request.fields) {
        add_fields(args, *std::move(request.fields), request.before);
    }
    OA_CO_TRY(const auto reply, co_await decide(scripts::commit, std::move(keys), std::move(args)));
    if (reply.at(0) == "fenced") {
        co_return taken_since();
    }
    if (reply.at(0) != "ok" || reply.items.size() < 3) {
        co_return strange_answer(link_);
    }
    co_return Committed{reply.at(1), reply.items[2].count()};
}

Task<Result<Written>> RedisStore::end(EndRequest request) {
    const auto owner = percent_encode(request.key.owner);
    const Command keys{row(request.key), log(request.turn)};
    const Command args{
        text(request.fence),
        text(request.end),
        std::move(request.bytes),
        std::move(request.outcome),
        std::to_string(options_.log_kept.count()),
        owner,
        row_name(request.key),
        request.behind ? text(*request.behind) : std::string()
    };
    auto reply = co_await run_counting(scripts::end, keys, args);
    if (!reply && is_foreign(reply.error().message) && co_await drop_foreign(keys.back())) {
        reply = co_await run_counting(scripts::end, keys, args);
    }
    OA_CO_CHECK(reply);
    const auto written = meaning_of<Written>(*reply, k_written);
    if (!written) {
        co_return strange_answer(link_);
    }
    if (*written != Written::hole) {
        held_.remove(request.key, request.fence);
    }
    co_return *written;
}

Task<Result<void>>
RedisStore::let_go(const ThreadKey& key, std::uint64_t fence, std::string holder) {
    const auto owner = percent_encode(key.owner);
    held_.remove(key, fence);
    auto time = holder.empty() ? std::to_string(options_.log_kept.count()) : inbox_time();
    return done(run_counting(
        scripts::let_go,
        {row(key)},
        {text(fence), owner, row_name(key), std::move(holder), std::move(time)}
    ));
}

Task<Result<void>> RedisStore::forget(ThreadKey key, std::uint64_t fence) {
    return let_go(key, fence, "");
}

Task<Result<void>> RedisStore::release(ThreadKey key, std::uint64_t fence) {
    return let_go(key, fence, std::string(k_nobody));
}

Task<Result<bool>> RedisStore::want(ThreadKey key, std::uint64_t fence, std::string reason) {
    return yes(run(
        scripts::want, {row(key)}, {text(fence), std::move(reason), inbox_time(), row_name(key)}
    ));
}

Task<Result<void>> RedisStore::stop_done(ThreadKey key, std::uint64_t fence) {
    return done(run(scripts::stop_done, {row(key)}, {text(fence), row_name(key)}));
}

std::string RedisStore::inbox_time() const {
    return std::to_string((options_.lease * k_inbox_leases).count());
}

Task<Result<bool>> RedisStore::pass(ThreadKey key, Wanted what) {
    return yes(
        run(scripts::pass,
            {row(key)},
            {std::move(what.turn),
             std::move(what.reason),
             std::move(what.request),
             std::move(what.body),
             inbox_time()})
    );
}

void RedisStore::answer(const Wanted& what, std::string body) {
    const auto inbox = key("in", what.from);
    Command command{"XADD", inbox, "MAXLEN", "~", "10000", "*", "t", what.turn};
    for (std::string part : {"r", k_answer.data(), "q", what.request.c_str(), "b"}) {
        command.push_back(std::move(part));
    }
    command.push_back(std::move(body));
    send_unread(command);
    send_unread({"PEXPIRE", inbox, inbox_time()});
}

Task<Result<std::vector<ThreadKey>>> RedisStore::orphans() {
    OA_CO_TRY(const auto reply, co_await run(scripts::orphans, {options_.prefix + ":ss"}, {}));
    std::vector<ThreadKey> out;
    for (std::size_t i = 1; i < reply.items.size(); ++i) {
        out.push_back(thread_of(reply.items[i].text));
    }
    numbers_.sessions = reply.items.empty() ? 0 : reply.items.front().count();
    co_await trim_responses();
    co_return out;
}

Task<Result<bool>> RedisStore::reap(TakeRequest request, std::string bytes, std::string outcome) {
    auto args = taken_from(request);
    args.push_back(text(request.top_end + bytes.size()));
    args.push_back(std::move(bytes));
    args.push_back(std::move(outcome));
    args.push_back(std::to_string(options_.log_kept.count()));
    args.push_back(row_name(request.key));
    OA_CO_TRY(
        const auto reply,
        co_await run(scripts::reap, {row(request.key), log(request.from.turn)}, std::move(args))
    );
    co_return reply.at(0) == "1";
}

Task<Result<std::optional<std::uint64_t>>> RedisStore::adopt(TakeRequest request) {
    const auto owner = percent_encode(request.key.owner);
    auto args = taken_from(request);
    args.push_back(owner);
    args.push_back(row_name(request.key));
    args.push_back(request.from.turn);
    args.push_back(log_life());
    args.push_back(std::to_string(options_.turn_time.count()));
    OA_CO_TRY(
        const auto reply,
        co_await run_counting(
            scripts::adopt, {row(request.key), log(request.from.turn)}, std::move(args)
        )
    );
    if (reply.at(0) == "0") {
        co_return std::nullopt;
    }
    if (reply.at(0) != "1" || reply.items.size() < 2) {
        co_return strange_answer(link_);
    }
    held_.add(request.key, reply.items[1].count());
    co_return reply.items[1].count();
}

} // namespace oa_stream::store
