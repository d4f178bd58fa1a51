#include "oa_stream/base/text.hpp"
#include "oa_stream/store/facts.hpp"

#include "redis_store.hpp"

#include <algorithm>
#include <vector>

namespace oa_stream::store {

namespace {

constexpr int k_pings = 11;

std::uint64_t number(std::string_view info, std::string_view name) {
    return parse_count(info_field(info, name), 0, ~std::uint64_t{0}).value_or(0);
}

std::int64_t unix_us() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

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

/// The value of a session's key begins with its revision.
Task<Result<void>> count_lanes(RedisLink::Self link, StoreOptions options, StoreFacts* out) {
    OA_CO_TRY(
        const auto names,
        co_await RedisLink::call(link, {"SMEMBERS", options.prefix + ":ss"}, options.wait)
    );
    if (names.failed()) {
        co_return std::unexpected(error_of(names));
    }
    for (const auto& name : names.items) {
        Command get{"GET", options.prefix + ":s:" + name.text};
        OA_CO_TRY(const auto value, co_await RedisLink::call(link, std::move(get), options.wait));
        if (value.failed()) {
            co_return std::unexpected(error_of(value));
        }
        if (!value.nil()) {
            ++out->lanes;
            out->revisions.insert(value.text.substr(0, value.text.find(' ')));
        }
    }
    co_return Result<void>{};
}

Task<Result<StoreFacts>> ask(RedisLink::Self link, StoreOptions options) {
    StoreFacts out;
    OA_CO_TRY(out.round_trip_ms, co_await round_trip_ms(link, options.wait));
    const auto before = unix_us();
    OA_CO_TRY(const auto reply, co_await RedisLink::call(link, {"INFO"}, options.wait));
    const auto after = unix_us();
    const std::string_view info = reply.text;
    out.version = info_field(info, "redis_version");
    out.appends = info_field(info, "aof_enabled") == "1";
    out.memory = number(info, "used_memory");
    out.most_memory = number(info, "maxmemory");
    out.copies = number(info, "connected_slaves");
    out.needs_copies = !info_field(info, "min_slaves_good_slaves").empty();
    if (const auto theirs = number(info, "server_time_usec"); theirs != 0) {
        const auto ours = before + (after - before) / 2;
        out.ahead = Millis((static_cast<std::int64_t>(theirs) - ours) / 1000);
    }
    OA_CO_CHECK(co_await count_lanes(link, options, &out));
    co_return out;
}

} // namespace

Task<Result<StoreFacts>> look_at_store(asio::any_io_executor executor, StoreOptions options) {
    OA_CO_TRY(auto address, read_redis_address(options));
    const auto link = std::make_shared<RedisLink>(
        executor,
        RedisLink::Options{
            std::move(address), options.user, options.password, "oa-stream-doctor", options.wait
        }
    );
    const auto wait = options.wait;
    OA_CO_CHECK(co_await RedisLink::open(link, [wait](RedisLink::Self opened) {
        return check_server(std::move(opened), wait);
    }));
    auto facts = co_await ask(link, std::move(options));
    link->close();
    co_return facts;
}

} // namespace oa_stream::store
