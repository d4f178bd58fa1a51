#include "redis_errors.hpp"

#include "oa_stream/base/option_names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace oa_stream::store {

namespace {

struct Advice {
    std::string_view word; ///< the first word of the Redis error
    std::string_view hint;
};
constexpr std::string_view k_one_primary = "use one primary, with replicas if you like";
constexpr std::array<Advice, 11> k_advice{
    {{"NOREPLICAS", "start its copies, or set min-replicas-to-write lower"},
     {"MISCONF", "its disk takes nothing: look at its log"},
     {"READONLY", "name its primary"},
     {"MASTERDOWN", "name its primary"},
     {"LOADING", "wait until it has read its data"},
     {"BUSY", "wait for another program's script, or end it with SCRIPT KILL"},
     {"WRONGTYPE", "set another --store-prefix: another program has keys under this one"},
     {"MOVED", k_one_primary},
     {"ASK ", k_one_primary},
     {"CLUSTERDOWN", k_one_primary},
     {"CROSSSLOT", k_one_primary}}
};

} // namespace

bool refuses_command(const Reply& reply) {
    // The second and third text are the errors within a script, of Redis 7.0 and of later versions.
    return reply.failed() && (reply.text.starts_with("NOPERM") ||
                              reply.text.contains("user executing the script can't") ||
                              reply.text.contains("ACL failure in script"));
}

/// A script puts its own text before that of the error.
bool is_foreign(std::string_view text) {
    return text.contains("WRONGTYPE");
}

bool refuses_writes_alone(const Reply& reply) {
    return reply.failed() &&
           (reply.text.starts_with("NOREPLICAS") || reply.text.starts_with("MISCONF"));
}

Error error_of(const Reply& reply) {
    const std::string_view text = reply.text;
    if (text.starts_with("OOM")) {
        return {Code::too_large, "the store has no memory left"};
    }
    if (text.starts_with("NOAUTH")) {
        return {
            Code::credentials,
            "the store asks for a password: " + reply.text,
            {},
            fmt::format("add {} env:NAME", names::store_password)
        };
    }
    if (refuses_command(reply)) {
        return {
            Code::credentials,
            "the store refuses a command: " + reply.text,
            {},
            "allow what examples/replicas/users.acl allows"
        };
    }
    const auto advice = std::ranges::find_if(k_advice, [text](const Advice& one) {
        return text.starts_with(one.word);
    });
    return {
        Code::unavailable,
        "the store answers: " + reply.text,
        {},
        advice == k_advice.end() ? std::string() : std::string(advice->hint)
    };
}

Result<Reply> unless_failed(Result<Reply> reply) {
    if (reply && reply->failed()) {
        return std::unexpected(error_of(*reply));
    }
    return reply;
}

} // namespace oa_stream::store
