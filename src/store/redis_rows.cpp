// The map of threads, and idempotency keys.
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/url.hpp"

#include "redis_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace oa_stream::store {

namespace {

std::int64_t seconds(const Reply& reply, std::size_t at) {
    return at < reply.items.size() ? static_cast<std::int64_t>(reply.items[at].count()) : 0;
}

} // namespace

Phase phase_of(std::string_view word) {
    if (word == "starting") {
        return Phase::starting;
    }
    if (word == "live") {
        return Phase::live;
    }
    return word.empty() ? Phase::none : Phase::ended;
}

std::optional<ThreadFields> fields_at(const Reply& reply, std::size_t at) {
    if (reply.at(at).empty()) {
        return std::nullopt;
    }
    return ThreadFields{
        .thread = reply.at(at),
        .seeded = static_cast<std::size_t>(seconds(reply, at + 1)),
        .title = reply.at(at + 2),
        .created_at = seconds(reply, at + 3),
        .updated_at = seconds(reply, at + 4),
        .archived = reply.at(at + 5) == "1",
        .last_message = reply.at(at + 6),
        .last_turn = reply.at(at + 7),
        .version = static_cast<std::uint64_t>(seconds(reply, at + 8))
    };
}

void add_fields(Command& args, ThreadFields fields, const std::optional<ThreadFields>& before) {
    const auto was = before.value_or(ThreadFields{});
    const auto add = [&](std::string_view name, bool same, std::string value) {
        args.push_back((before && same ? "-" : "") + std::string(name));
        args.push_back(std::move(value));
    };
    add("th", fields.thread == was.thread, std::move(fields.thread));
    add("sd", fields.seeded == was.seeded, std::to_string(fields.seeded));
    add("tl", fields.title == was.title, std::move(fields.title));
    add("cr", fields.created_at == was.created_at, std::to_string(fields.created_at));
    add("up", fields.updated_at == was.updated_at, std::to_string(fields.updated_at));
    add("ar", fields.archived == was.archived, fields.archived ? "1" : "0");
    add("lm", fields.last_message == was.last_message, std::move(fields.last_message));
    add("lt", fields.last_turn == was.last_turn, std::move(fields.last_turn));
}

Command RedisStore::row_keys(const ThreadKey& key) const {
    const auto owner = percent_encode(key.owner);
    return {row(key), this->key("u", owner), this->key("w", owner)};
}

Task<Result<ThreadState>> RedisStore::look(ThreadKey key) {
    OA_CO_TRY(const auto reply, co_await run(scripts::look, {row(key)}, {}));
    ThreadState out;
    out.holding.alive = seconds(reply, 0) == 1;
    out.holding.session = reply.at(1);
    out.holding.fence = static_cast<std::uint64_t>(seconds(reply, 2));
    out.holding.phase = phase_of(reply.at(3));
    out.holding.turn = reply.at(4);
    out.holding.stop = reply.at(5);
    out.fields = fields_at(reply, 6);
    out.version = static_cast<std::uint64_t>(seconds(reply, 5 + k_field_count));
    out.erased = reply.at(6 + k_field_count) == "1";
    out.read = reply.at(7 + k_field_count);
    out.has_log = seconds(reply, 8 + k_field_count) == 1;
    out.awaited = seconds(reply, 9 + k_field_count) == 1;
    out.holding.ended_ago = Millis(seconds(reply, 10 + k_field_count));
    co_return out;
}

Task<Result<std::vector<std::string>>> RedisStore::ids_of(std::string owner) {
    OA_CO_TRY(
        const auto reply, co_await ask_list({"SMEMBERS", this->key("u", percent_encode(owner))})
    );
    co_return mapped(reply.items, &Reply::text);
}

Task<Result<RowChanges>> RedisStore::changes_of(std::string owner, std::string at) {
    OA_CO_TRY(
        const auto reply,
        co_await run(scripts::changes, {key("w", percent_encode(owner))}, {std::move(at)})
    );
    RowChanges out{.at = reply.at(0), .all = seconds(reply, 1) == 0};
    for (std::size_t i = 2; i < reply.items.size(); ++i) {
        out.ids.push_back(reply.at(i));
    }
    co_return out;
}

Task<Result<std::vector<std::optional<ThreadFields>>>>
RedisStore::rows_of(std::string owner, std::vector<std::string> ids) {
    auto keys = mapped(ids, [&](const std::string& id) { return row({owner, id}); });
    OA_CO_TRY(const auto reply, co_await run(scripts::rows, std::move(keys), {}));
    std::vector<std::optional<ThreadFields>> out;
    out.reserve(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        out.push_back(fields_at(reply, i * k_field_count));
    }
    co_return out;
}

Task<Result<std::uint64_t>>
RedisStore::put(ThreadKey key, ThreadFields fields, std::uint64_t fence) {
    Command args{key.id, std::to_string(fence)};
    add_fields(args, std::move(fields));
    return held_version(run(scripts::put, row_keys(key), std::move(args)));
}

Task<Result<void>> RedisStore::offer(std::vector<OfferedRow> rows) {
    Command keys;
    Command args;
    for (auto& row : rows) {
        std::ranges::move(row_keys(row.key), std::back_inserter(keys));
        args.push_back(std::move(row.key.id));
        args.push_back(std::to_string(row.fields.version));
        add_fields(args, std::move(row.fields));
    }
    return done(run(scripts::offer, std::move(keys), std::move(args)));
}

void RedisStore::offered() {
    offers_ = false;
    send_unread({"HDEL", key("c", session_), std::string(k_offers)});
}

Task<Result<std::uint64_t>> RedisStore::change(ThreadKey key, RowChange what) {
    Command args{key.id};
    if (what.title) {
        args.insert(args.end(), {"tl", *std::move(what.title)});
    }
    if (what.archived) {
        args.insert(args.end(), {"ar", *what.archived ? "1" : "0"});
    }
    return version(run(scripts::change, row_keys(key), std::move(args)));
}

Task<Result<void>> RedisStore::touch(ThreadKey key, std::int64_t updated_at) {
    Command args{key.id, "up", std::to_string(updated_at)};
    return done(run(scripts::change, row_keys(key), std::move(args)));
}

Task<Result<std::uint64_t>>
RedisStore::erase(ThreadKey key, std::uint64_t fence, std::string thread) {
    return held_version(
        run(scripts::erase, row_keys(key), {key.id, std::to_string(fence), std::move(thread)})
    );
}

Task<Result<void>> RedisStore::tell_deleted(std::vector<std::string> threads) {
    auto all = fmt::to_string(fmt::join(threads, "\n"));
    return done(run(scripts::tell_deleted, {}, {std::move(all), inbox_time()}));
}

Task<Result<void>>
RedisStore::note_read(ThreadKey key, std::string name, std::vector<std::string> whole) {
    Command args{std::move(name), ""};
    std::ranges::move(whole, std::back_inserter(args));
    return done(run(scripts::note_read, {row(key)}, std::move(args)));
}

Task<Result<void>> RedisStore::note_left(ThreadKey key, std::string turn) {
    return done(run(scripts::note_read, {row(key)}, {random_hex(4), std::move(turn)}));
}

std::string RedisStore::use_hash(const std::string& owner, const std::string& name) const {
    return name.empty() ? std::string() : key("i", row_name({owner, name}));
}

Task<Result<KeyUse>> RedisStore::use_key(KeyRequest request) {
    OA_CO_TRY(
        const auto reply,
        co_await run(
            scripts::use_key,
            {use_hash(request.owner, request.key)},
            {std::move(request.request),
             std::move(request.thread),
             use_life(),
             std::move(request.attempt),
             request.before ? "=" + *request.before : std::string()}
        )
    );
    const auto before = reply.at(5);
    co_return KeyUse{
        seconds(reply, 0) == 1,
        reply.at(1),
        reply.at(2),
        reply.at(3),
        reply.at(4) == "1",
        before.empty() ? std::nullopt : std::optional(std::string(before.substr(1)))
    };
}

Task<Result<void>> RedisStore::forget_key(KeyRequest request) {
    return done(run(
        scripts::forget_key, {use_hash(request.owner, request.key)}, {std::move(request.attempt)}
    ));
}

Task<Result<void>> RedisStore::answer_key(KeyRequest request, std::string turn) {
    return done(
        run(scripts::answer_key,
            {use_hash(request.owner, request.key)},
            {std::move(request.attempt), std::move(turn)})
    );
}

} // namespace oa_stream::store
