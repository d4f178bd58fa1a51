#include "redis_address.hpp"

#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/secret.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/base/url.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::store {

namespace {

constexpr std::string_view k_unix = "redis+unix:";
constexpr std::string_view k_plain = "redis://";
constexpr std::string_view k_tls = "rediss://";
constexpr std::string_view k_plain_sentinel = "redis+sentinel://";
constexpr std::string_view k_tls_sentinel = "rediss+sentinel://";
constexpr std::string_view k_sentinel_port = "26379";
constexpr std::uint64_t k_most_databases = 1'000'000;

std::unexpected<Error> refuse_address(std::string message, std::string hint = {}) {
    return fail(Code::usage, std::move(message), names::store, std::move(hint));
}

/// Reads "host:port", "[::1]:port" or "host".
Result<void> read_host(
    std::string_view authority, net::ByteStreamTarget& target, std::string_view usual = "6379"
) {
    const auto close = authority.starts_with('[') ? authority.find(']') : std::string_view::npos;
    const bool bracketed = close != std::string_view::npos;
    auto host = bracketed ? authority.substr(1, close - 1) : authority;
    auto port = bracketed ? authority.substr(close + 1) : std::string_view();
    if (const auto colon = host.rfind(':'); !bracketed && colon != std::string_view::npos) {
        port = host.substr(colon);
        host = host.substr(0, colon);
    }
    if (host.empty() || (!port.empty() && !port.starts_with(':'))) {
        return refuse_address("the store's address has no host", "redis://HOST:PORT");
    }
    target.host = host;
    target.port = port.empty() ? usual : port.substr(1);
    if (!parse_count(target.port, 1, 65'535)) {
        return refuse_address(fmt::format("{} is not a port", target.port), "redis://HOST:PORT");
    }
    return {};
}

Result<void> check_clear(const net::ByteStreamTarget& target) {
    if (target.secure || is_loopback(target.host)) {
        return {};
    }
    return refuse_address(
        "what people write would travel in the clear; only loopback may do without TLS",
        "rediss://HOST:PORT, or redis+unix:/PATH"
    );
}

/// Reads HOST:PORT,HOST:PORT/NAME.
Result<void> read_sentinels(std::string_view rest, RedisAddress& out) {
    const bool with_user = rest.contains('@');
    auto hosts = cut_until(rest, '/');
    out.primary = rest;
    if (out.primary.empty() || with_user) {
        return refuse_address(
            "Sentinels are named with what they call the primary, and without a password",
            "rediss+sentinel://HOST:PORT,HOST:PORT,HOST:PORT/NAME"
        );
    }
    while (!hosts.empty()) {
        auto target = out.target;
        OA_CHECK(read_host(cut_until(hosts, ','), target, k_sentinel_port));
        OA_CHECK(check_clear(target));
        out.sentinels.push_back(std::move(target));
    }
    return out.sentinels.empty() ? refuse_address("no Sentinel is named") : Result<void>{};
}

} // namespace

std::string RedisAddress::text() const {
    if (target.host.empty() && !sentinels.empty()) {
        return primary;
    }
    return target.unix_path.empty() ? fmt::format("{}:{}", target.host, target.port)
                                    : target.unix_path;
}

Result<RedisAddress> read_redis_address(const StoreOptions& options) {
    const std::string_view url = options.url;
    RedisAddress out;
    out.target.ca_file = options.ca_file;
    if (url.starts_with(k_unix)) {
        out.target.unix_path = url.substr(k_unix.size());
        if (!out.target.unix_path.starts_with('/')) {
            return refuse_address(
                "a socket's path begins with a slash", "redis+unix:/run/redis/redis.sock"
            );
        }
        if (auto fault = socket_path_fault(out.target.unix_path); !fault.empty()) {
            return refuse_address(std::move(fault));
        }
        return out;
    }
    for (const auto scheme : {k_plain_sentinel, k_tls_sentinel}) {
        if (url.starts_with(scheme)) {
            out.target.secure = scheme == k_tls_sentinel;
            OA_CHECK(read_sentinels(url.substr(scheme.size()), out));
            return out;
        }
    }
    out.target.secure = url.starts_with(k_tls);
    if (!out.target.secure && !url.starts_with(k_plain)) {
        return refuse_address(
            "this is not a store",
            "memory, redis://HOST:PORT, rediss://HOST:PORT, redis+unix:/PATH or "
            "rediss+sentinel://HOST:PORT,HOST:PORT/NAME"
        );
    }
    auto database = url.substr(out.target.secure ? k_tls.size() : k_plain.size());
    const auto authority = cut_until(database, '/');
    if (authority.contains('@')) { // the error must not repeat it: it may contain a password
        return refuse_address(
            "no user and no password in the address, where every local process can read them",
            fmt::format(
                "{} NAME, {} env:NAME or file:PATH", names::store_user, names::store_password
            )
        );
    }
    OA_CHECK(read_host(authority, out.target));
    if (!database.empty() && !parse_count(database, 0, k_most_databases)) {
        return refuse_address(
            fmt::format("{} is not the number of a database", database), "redis://HOST:PORT/0"
        );
    }
    out.database = database.empty() ? "0" : std::string(database);
    OA_CHECK(check_clear(out.target));
    return out;
}

namespace {

/// Keys are searched by patterns and shown to operators.
Result<void> check_prefix(std::string_view prefix) {
    constexpr std::string_view k_plain_characters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/-";
    constexpr std::size_t k_longest = 100;
    if (prefix.empty() || prefix.size() > k_longest ||
        prefix.find_first_not_of(k_plain_characters) != std::string_view::npos) {
        return fail(
            Code::usage,
            "the prefix of the store's keys is 1 to 100 letters, digits and ._:/-",
            names::store
        );
    }
    return {};
}

/// If a lane renewed its lease only at the last moment, others would sometimes count it as dead.
Result<void> check_times(const StoreOptions& options) {
    constexpr Millis k_shortest_lease{100};
    if (options.lease < k_shortest_lease) {
        return fail(Code::usage, "lease is at least 100ms", names::limit, "lease=6s");
    }
    for (const auto& [name, time] :
         {std::pair("store-wait", options.wait),
          std::pair("log-kept", options.log_kept),
          std::pair("idempotency-time", options.key_time)}) {
        if (time <= Millis(0)) {
            return fail(Code::usage, fmt::format("{} is longer than nothing", name), names::limit);
        }
    }
    return {};
}

} // namespace

Result<void> check_store(const StoreOptions& options) {
    OA_CHECK(check_prefix(options.prefix));
    OA_CHECK(check_times(options));
    const auto& password = options.password;
    if (!password.empty() && !is_secret_reference(password)) {
        return fail(
            Code::usage,
            "a password is not given on the command line, where every local process can read it",
            names::store_password,
            "env:NAME, file:PATH or fd:N"
        );
    }
    // Without a password Redis would use its default user
    if (!options.user.empty() && password.empty()) {
        return fail(
            Code::usage,
            "a user of the store logs in with a password",
            names::store_user,
            fmt::format("add {} env:NAME", names::store_password)
        );
    }
    OA_TRY(const auto address, read_redis_address(options));
    if (!options.ca_file.empty() && !address.target.secure) {
        return fail(
            Code::usage,
            fmt::format("it needs TLS, which {} does not use", options.url),
            names::store_ca,
            "rediss://HOST:PORT or rediss+sentinel://HOST:PORT/NAME, or leave it out"
        );
    }
    return {};
}

} // namespace oa_stream::store
