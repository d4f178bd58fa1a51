#include "oa_stream/base/lists.hpp"
#include "oa_stream/store/facts.hpp"

#include "redis_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace oa_stream::store {

namespace {

constexpr int k_pings = 11;

Task<Result<double>> round_trip_ms(RedisLink::Self link, Millis wait) {
    std::vector<double> all;
    for (int i = 0; i < k_pings; ++i) {
        const auto began = Clock::now();
        OA_CO_CHECK(co_await RedisLink::call(link, {"PING"}, wait));
        all.push_back(std::chrono::duration<double, std::milli>(Clock::now() - began).count());
    }
    std::ranges::sort(all);
    co_return all[all.size() / 2];
}

/// The members of a set; empty when the set does not exist.
Task<Result<std::vector<std::string>>>
members_of(RedisLink::Self link, std::string key, Millis wait) {
    OA_CO_TRY(
        const auto reply, unless_failed(co_await RedisLink::call(link, {"SMEMBERS", key}, wait))
    );
    if (reply.kind != Reply::Kind::list) {
        co_return strange_answer(link);
    }
    co_return mapped(reply.items, &Reply::text);
}

/// Counts the lanes and their revisions: a session's value begins with its revision.
Task<Result<void>> count_lanes(RedisLink::Self link, StoreOptions options, StoreFacts* out) {
    OA_CO_TRY(const auto names, co_await members_of(link, options.prefix + ":ss", options.wait));
    for (const auto& name : names) {
        Command get{"GET", options.prefix + ":s:" + name};
        OA_CO_TRY(
            const auto value,
            unless_failed(co_await RedisLink::call(link, std::move(get), options.wait))
        );
        if (!value.nil()) {
            ++out->lanes;
            out->revisions.insert(value.text.substr(0, value.text.find(' ')));
        }
    }
    co_return Result<void>{};
}

/// Checks that the user may write, because otherwise a lane cannot start. It changes nothing and
/// needs no memory: the free memory is reported separately.
Task<Result<void>> check_writes(RedisLink::Self link, StoreOptions options) {
    Command write{"PERSIST", options.prefix + ":probe"};
    OA_CO_CHECK(unless_failed(co_await RedisLink::call(link, std::move(write), options.wait)));
    co_return Result<void>{};
}

Task<Result<StoreFacts>> ask(RedisLink::Self link, StoreOptions options) {
    StoreFacts out;
    OA_CO_CHECK(co_await check_form(link, options));
    OA_CO_CHECK(co_await check_writes(link, options));
    OA_CO_TRY(out.round_trip_ms, co_await round_trip_ms(link, options.wait));
    const auto before = unix_us();
    OA_CO_TRY(const auto reply, co_await RedisLink::call(link, {"INFO"}, options.wait));
    const auto after = unix_us();
    if (reply.failed()) {
        co_return std::unexpected(error_of(reply));
    }
    const std::string_view info = reply.text;
    out.version = info_field(info, "redis_version");
    out.appends = info_field(info, "aof_enabled") == "1";
    out.memory = info_number(info, "used_memory");
    out.most_memory = info_number(info, "maxmemory");
    out.copies = info_number(info, "connected_slaves");
    out.needs_copies = !info_field(info, "min_slaves_good_slaves").empty();
    if (const auto theirs = info_number(info, "server_time_usec"); theirs != 0) {
        const auto ours = before + (after - before) / 2;
        out.ahead = Millis((static_cast<std::int64_t>(theirs) - ours) / 1000);
    }
    OA_CO_CHECK(co_await count_lanes(link, options, &out));
    Command whose{"HGET", options.prefix + ":meta", "a"};
    OA_CO_TRY(
        const auto authority,
        unless_failed(co_await RedisLink::call(link, std::move(whose), options.wait))
    );
    out.authority = authority.text;
    co_return out;
}

Task<Result<RedisLink::Self>> open_link(asio::any_io_executor executor, StoreOptions options) {
    OA_CO_TRY(auto address, read_redis_address(options));
    const auto link = std::make_shared<RedisLink>(
        executor,
        RedisLink::Options{
            std::move(address), options.user, options.password, "oa-stream-doctor", options.wait
        }
    );
    const auto wait = options.wait;
    const auto prefix = options.prefix;
    OA_CO_CHECK(co_await RedisLink::open(link, [wait, prefix](RedisLink::Self opened) {
        return check_server(std::move(opened), prefix, wait);
    }));
    co_return link;
}

Task<Result<void>> clear(RedisLink::Self link, StoreOptions options) {
    const auto wait = options.wait;
    const auto key = [prefix = options.prefix](std::string_view kind, std::string_view name) {
        return fmt::format("{}:{}:{}", prefix, kind, name);
    };
    Command all{"UNLINK", options.prefix + ":meta", options.prefix + ":ss", key("u", "")};
    all.insert(all.end(), {options.prefix + ":rq", key("ro", "")});
    OA_CO_TRY(const auto sessions, co_await members_of(link, options.prefix + ":ss", wait));
    for (const auto& session : sessions) {
        for (const std::string_view kind : {"s", "c", "o", "in"}) {
            all.push_back(key(kind, session));
        }
    }
    OA_CO_TRY(const auto ids, co_await members_of(link, key("u", ""), wait));
    for (const auto& id : ids) {
        const auto row = key("t", row_name({.owner = {}, .id = id}));
        Command get{"HGET", row, "ti"};
        OA_CO_TRY(const auto turn, co_await RedisLink::call(link, std::move(get), wait));
        all.push_back(row);
        if (!turn.failed() && !turn.nil()) {
            all.push_back(key("l", turn.text));
            all.push_back(key("r", turn.text));
        }
    }
    OA_CO_TRY(const auto gone, co_await RedisLink::call(link, std::move(all), wait));
    co_return gone.failed() ? std::unexpected(error_of(gone)) : Result<void>{};
}

} // namespace

std::int64_t unix_us() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

Task<Result<void>> clear_store(asio::any_io_executor executor, StoreOptions options) {
    OA_CO_TRY(const auto link, co_await open_link(std::move(executor), options));
    auto cleared = co_await clear(link, std::move(options));
    link->close();
    co_return cleared;
}

Task<Result<StoreFacts>> look_at_store(asio::any_io_executor executor, StoreOptions options) {
    OA_CO_TRY(const auto link, co_await open_link(std::move(executor), options));
    auto facts = co_await ask(link, std::move(options));
    link->close();
    co_return facts;
}

} // namespace oa_stream::store
