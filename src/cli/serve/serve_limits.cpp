// --limit NAME=VALUE: the lane's limits, one table.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/config/units.hpp"

#include "serve_options.hpp"
#include "serve_values.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <variant>

namespace oa_stream::cli {

Result<std::size_t> read_size(std::string_view text) {
    OA_TRY(const std::uint64_t bytes, config::read_size(text));
    if (bytes == 0) {
        return fail(
            Code::usage, fmt::format("'{}' is too small", printable(text, 40)), {}, "like 64m"
        );
    }
    return bytes;
}

namespace {

struct Bytes {
    std::size_t* value;
};
/// A time that is required: 0 does not mean "no limit", and the lane would be useless with it.
struct Needed {
    Millis* value;
};
using Target = std::variant<std::size_t*, int*, Bytes, Millis*, Needed>;

enum class Needs { nothing, store };

struct Limit {
    std::string_view name;
    Target target;
    Needs needs = Needs::nothing;
};

auto table_of(ServeOptions& options) {
    auto& lane = options.lane.limits;
    auto& server = options.listeners.limits;
    auto& worker = options.authority.worker;
    return std::array{
        Limit{"streams", &lane.streams},
        Limit{"streams-here", &lane.streams_here},
        Limit{"streams-per-owner", &lane.streams_per_owner},
        Limit{"readers-per-turn", &lane.readers_per_turn},
        Limit{"text-chars", &lane.text_chars},
        Limit{"json-depth", &lane.json_depth},
        Limit{"json-members", &lane.json_members},
        Limit{"json-values", &lane.json_values},
        Limit{"messages", &lane.messages},
        Limit{"waiting-bodies", Bytes{&lane.waiting_bodies}},
        Limit{"turn-log", Bytes{&lane.turn_log_bytes}},
        Limit{"total-log", Bytes{&lane.total_log_bytes}},
        Limit{"total-answers", Bytes{&lane.total_answer_bytes}},
        Limit{"max-lag", Bytes{&lane.max_lag_bytes}},
        Limit{"max-lag-time", &lane.max_lag_time},
        Limit{"turn-time", Needed{&lane.turn_wall}},
        Limit{"start-wait", &options.authority.codex.deadlines.start_wait},
        Limit{"first-event", Needed{&lane.first_event}},
        Limit{"idle", Needed{&lane.idle}},
        Limit{"approval", &lane.approval},
        Limit{"tool-result", &lane.tool_result},
        Limit{"owner-idle", &options.authority.codex_owners.idle},
        Limit{"reconnect", &options.codex_reconnect},
        Limit{"lease", &options.store.lease, Needs::store},
        Limit{"store-wait", Needed{&options.store.wait}, Needs::store},
        Limit{"store-outage", &options.store.outage, Needs::store},
        Limit{"log-kept", &options.store.log_kept, Needs::store},
        Limit{"responses", &lane.responses.most},
        Limit{"responses-size", Bytes{&lane.responses.bytes}},
        Limit{"responses-kept", &options.store.responses_kept, Needs::store},
        Limit{"tails", &options.store.tails, Needs::store},
        Limit{"store-inflight", Bytes{&options.store.inflight}, Needs::store},
        Limit{"idempotency-time", &options.store.key_time, Needs::store},
        Limit{"authority-away", &worker.deadlines.away},
        Limit{"worker-requests", &worker.requests_per_minute},
        Limit{"body", Bytes{&server.body_bytes}},
        Limit{"resend", Bytes{&server.sieved_bytes}},
        Limit{"total-bodies", Bytes{&options.listeners.total_bodies}},
        Limit{"total-requests", Bytes{&options.listeners.total_requests}},
        Limit{"headers", Bytes{&server.header_bytes}},
        Limit{"connections", &server.connections},
        Limit{"handshake-time", Needed{&server.handshake_timeout}},
        Limit{"head-time", Needed{&server.head_timeout}},
        Limit{"body-time", Needed{&server.body_timeout}},
        Limit{"write-time", Needed{&server.write_timeout}},
        Limit{"keep-alive", Needed{&server.idle_timeout}},
    };
}

Result<void> assign(const Target& target, std::string_view text) {
    if (const auto* count = std::get_if<std::size_t*>(&target)) {
        OA_TRY(**count, parse_count(text, 1, 1'000'000));
    } else if (const auto* small = std::get_if<int*>(&target)) {
        OA_TRY(const auto number, parse_count(text, 1, 500));
        **small = static_cast<int>(number);
    } else if (const auto* bytes = std::get_if<Bytes>(&target)) {
        OA_TRY(*bytes->value, read_size(text));
    } else if (const auto* time = std::get_if<Millis*>(&target)) {
        OA_TRY(**time, parse_duration(text));
    } else {
        OA_TRY(const auto needed, parse_duration(text));
        if (needed == Millis::zero()) {
            return fail(
                Code::usage,
                fmt::format("{} is too short", printable(text, 20)),
                {},
                "there is no value for 'no limit': choose a long time"
            );
        }
        *std::get<Needed>(target).value = needed;
    }
    return {};
}

std::string bytes_text(std::size_t bytes) {
    constexpr std::size_t giga = 1U << 30U;
    constexpr std::size_t mega = 1U << 20U;
    constexpr std::size_t kilo = 1U << 10U;
    return bytes % giga == 0   ? fmt::format("{}g", bytes / giga)
           : bytes % mega == 0 ? fmt::format("{}m", bytes / mega)
           : bytes % kilo == 0 ? fmt::format("{}k", bytes / kilo)
                               : fmt::format("{}", bytes);
}

std::string limit_value_text(const Target& target) {
    if (const auto* count = std::get_if<std::size_t*>(&target)) {
        return fmt::format("{}", **count);
    }
    if (const auto* small = std::get_if<int*>(&target)) {
        return fmt::format("{}", **small);
    }
    if (const auto* bytes = std::get_if<Bytes>(&target)) {
        return bytes_text(*bytes->value);
    }
    const auto* needed = std::get_if<Needed>(&target);
    return format_duration(needed ? *needed->value : *std::get<Millis*>(target));
}

} // namespace

std::vector<std::pair<std::string, std::string>> all_limits() {
    ServeOptions defaults;
    return mapped(table_of(defaults), [](const auto& limit) {
        return std::pair(std::string(limit.name), limit_value_text(limit.target));
    });
}

std::span<const std::string_view> limit_words() {
    static const auto k_spelled =
        mapped(all_limits(), [](const auto& limit) { return limit.first + '='; });
    static const std::vector<std::string_view> k_words(k_spelled.begin(), k_spelled.end());
    return k_words;
}

Result<void> set_limit(ServeOptions& options, std::string_view text) {
    const auto equals = std::min(text.find('='), text.size());
    const auto name = text.substr(0, equals);
    const auto table = table_of(options);
    std::vector<std::string_view> names;
    for (const auto& limit : table) {
        if (limit.name == name && equals < text.size()) {
            OA_CHECK(prefixed(assign(limit.target, text.substr(equals + 1)), name));
            if (limit.needs == Needs::store) {
                options.store_limit = limit.name;
            }
            auto& server = options.listeners.limits;
            options.resend_given = options.resend_given || name == "resend";
            if (name == "body" && !options.resend_given) {
                // A configured body limit applies to all bodies.
                server.sieved_bytes = server.body_bytes;
            }
            return {};
        }
        names.push_back(limit.name);
    }
    const auto near = nearest(name, names);
    return fail(
        Code::usage,
        fmt::format("there is no limit '{}'", printable(text, 40)),
        {},
        near ? fmt::format("did you mean {}=VALUE?", *near)
             : fmt::format("NAME=VALUE with one of {}", fmt::join(names, ", "))
    );
}

} // namespace oa_stream::cli
