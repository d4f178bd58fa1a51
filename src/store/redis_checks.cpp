// What a server must be like; each refusal says what is wrong and what to do.
#include "oa_stream/base/text.hpp"

#include "redis_store.hpp"

#include <fmt/format.h>

namespace oa_stream::store {

namespace {

constexpr std::uint64_t k_oldest_redis = 7;

std::unexpected<Error> refuse(std::string message, std::string hint) {
    return fail(Code::config, std::move(message), "the store", std::move(hint));
}

} // namespace

std::string_view info_field(std::string_view info, std::string_view name) {
    while (!info.empty()) {
        const auto end = std::min(info.find('\n'), info.size());
        auto line = info.substr(0, end);
        info.remove_prefix(std::min(end + 1, info.size()));
        if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
            return trim(line.substr(name.size() + 1));
        }
    }
    return {};
}

Task<Result<void>> check_server(RedisLink::Self link, Millis wait) {
    OA_CO_TRY(const auto reply, co_await RedisLink::greet_call(link, {"INFO"}, wait));
    if (reply.failed()) {
        const bool loading = reply.text.starts_with("LOADING");
        co_return std::unexpected(
            loading ? Error{Code::unavailable, "the store reads its data"} : error_of(reply)
        );
    }
    const std::string_view info = reply.text;
    const auto version = info_field(info, "redis_version");
    const auto major = parse_count(version.substr(0, version.find('.')), 0, 1'000);
    if (!major || *major < k_oldest_redis) {
        co_return refuse(
            fmt::format("Redis {} is too old", version.empty() ? "of no known version" : version),
            "use Redis 7.0 or newer"
        );
    }
    if (info_field(info, "redis_mode") == "cluster") {
        co_return refuse(
            "a Redis Cluster cannot keep it: what belongs together would be on several servers",
            "use one primary, with replicas if you like"
        );
    }
    if (info_field(info, "role") != "master") {
        co_return refuse("this is a replica, which takes no writes", "name its primary");
    }
    if (info_field(info, "loading") == "1") {
        co_return fail(Code::unavailable, "the store reads its data");
    }
    const auto policy = info_field(info, "maxmemory_policy");
    if (policy != "noeviction") {
        co_return refuse(
            fmt::format("with maxmemory-policy {} it throws away conversations", policy),
            "set maxmemory-policy noeviction"
        );
    }
    co_return Result<void>{};
}

} // namespace oa_stream::store
