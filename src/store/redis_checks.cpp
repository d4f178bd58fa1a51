// Checks the server; each refusal names the fault and the remedy.
#include "oa_stream/base/ids.hpp"
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "redis_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace oa_stream::store {

namespace {

constexpr std::uint64_t k_oldest_redis = 7;

/// Each command that lanes and their scripts use, in a form that changes nothing; the last three
/// make a key and remove it again. The server checks a user's rights before the arguments.
std::vector<Command> harmless_commands(const std::string& key) {
    return {
        {"SCRIPT", "LOAD", "return 1"},
        {"EVALSHA", "0", "0"},
        {"EXISTS", key},
        {"GET", key},
        {"SET", key, "1", "XX", "PX", "1"},
        {"PERSIST", key},
        {"PTTL", key},
        {"HGET", key, "x"},
        {"HMGET", key, "x"},
        {"HGETALL", key},
        {"HDEL", key, "x"},
        {"HSET", key, "x", "1", "odd"},
        {"HINCRBY", key, "x", "no number"},
        {"SREM", key, "x"},
        {"SMEMBERS", key},
        {"XADD", key, "NOMKSTREAM", "*", "x", "1"},
        {"XRANGE", key, "-", "+", "COUNT", "1"},
        {"XREVRANGE", key, "+", "-", "COUNT", "1"},
        {"XREAD", "COUNT", "1", "STREAMS", key, "0"},
        {"WAIT", "0", "1"},
        {"SADD", key, "x"},
        {"PEXPIRE", key, "60000"},
        {"UNLINK", key}
    };
}

std::unexpected<Error> refuse_store(std::string message, std::string hint) {
    return fail(Code::config, std::move(message), "the store", std::move(hint));
}

} // namespace

Error policy_refusal(std::string_view policy) {
    return {
        Code::config,
        fmt::format("with maxmemory-policy {} it throws away conversations", policy),
        "the store",
        "set maxmemory-policy noeviction"
    };
}

std::string_view info_field(std::string_view info, std::string_view name) {
    while (!info.empty()) {
        const auto line = cut_line(info);
        if (line.starts_with(name) && line.substr(name.size()).starts_with(':')) {
            return trim(line.substr(name.size() + 1));
        }
    }
    return {};
}

std::uint64_t info_number(std::string_view info, std::string_view name) {
    return parse_count(info_field(info, name), 0, ~std::uint64_t{0}).value_or(0);
}

Task<Result<void>> check_commands(RedisLink::Self link, std::string prefix, Millis wait) {
    const auto commands = harmless_commands(fmt::format("{}:probe:{}", prefix, random_hex(6)));
    OA_CO_TRY(const auto replies, co_await RedisLink::greet_calls(link, commands, wait));
    const auto refused = std::ranges::find_if(replies, refuses_command);
    if (refused == replies.end()) {
        co_return Result<void>{};
    }
    const auto& name = commands[static_cast<std::size_t>(refused - replies.begin())].front();
    co_return fail(
        Code::credentials,
        fmt::format(
            "its user may not use {}{} on {}:*: {}",
            name,
            name == "SCRIPT" ? " LOAD" : "",
            prefix,
            refused->text
        ),
        "the store",
        "allow what examples/replicas/users.acl allows"
    );
}

Task<Result<void>> check_form(RedisLink::Self link, StoreOptions options) {
    const auto meta = [&](std::string field) {
        Command get{"HGET", options.prefix + ":meta", std::move(field)};
        return RedisLink::call(link, std::move(get), options.wait);
    };
    OA_CO_TRY(const auto form, unless_failed(co_await meta("v")));
    if (!form.nil() && form.text != k_form) {
        co_return fail(
            Code::config,
            fmt::format("another release keeps its data there (form {})", form.text),
            options.url,
            "set another --store-prefix"
        );
    }
    if (options.authority.empty()) {
        co_return Result<void>{};
    }
    OA_CO_TRY(const auto authority, unless_failed(co_await meta("a")));
    if (!authority.nil() && authority.text != options.authority) {
        co_return fail(
            Code::config,
            fmt::format(
                "lanes with {} {} keep their conversations there", names::authority, authority.text
            ),
            options.url,
            "set another --store-prefix"
        );
    }
    co_return Result<void>{};
}

Task<Result<void>> check_server(RedisLink::Self link, std::string prefix, Millis wait) {
    OA_CO_TRY(const auto reply, co_await RedisLink::greet_call(link, {"INFO"}, wait));
    if (reply.failed()) {
        const bool loading = reply.text.starts_with("LOADING");
        co_return std::unexpected(
            loading ? Error{Code::unavailable, "the store reads its data"} : error_of(reply)
        );
    }
    if (reply.kind != Reply::Kind::text) {
        co_return fail(Code::protocol, "this is no Redis", "the store");
    }
    const std::string_view info = reply.text;
    const auto version = info_field(info, "redis_version");
    const auto major = parse_count(version.substr(0, version.find('.')), 0, 1'000);
    if (!major || *major < k_oldest_redis) {
        co_return refuse_store(
            fmt::format("Redis {} is too old", version.empty() ? "of no known version" : version),
            "use Redis 7.0 or newer"
        );
    }
    if (info_field(info, "redis_mode") == "cluster") {
        co_return refuse_store(
            "a Redis Cluster cannot keep it: what belongs together would be on several servers",
            "use one primary, with replicas if you like"
        );
    }
    const bool copy = info_field(info, "role") != "master";
    if (copy && link->asks_sentinels()) { // this Sentinel does not know of the failover yet
        co_return fail(Code::unavailable, "a Sentinel names a replica, which takes no writes");
    }
    if (copy) {
        co_return refuse_store("this is a replica, which takes no writes", "name its primary");
    }
    if (info_field(info, "loading") == "1") {
        co_return fail(Code::unavailable, "the store reads its data");
    }
    const auto policy = info_field(info, "maxmemory_policy");
    if (policy != k_policy) {
        co_return std::unexpected(policy_refusal(policy));
    }
    co_return co_await check_commands(std::move(link), std::move(prefix), wait);
}

} // namespace oa_stream::store
