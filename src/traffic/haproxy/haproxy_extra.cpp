// HAProxy's counters, for the evidence.
#include "haproxy_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::traffic {
namespace {

Json server_json(const HaproxyFacts& server) {
    Json out = {
        {"status", server.status},
        {"check_status", server.check_status},
        {"address", fmt::format("{}:{}", server.address, server.port)},
        {"weight", server.weight},
        {"initial_weight", server.initial},
        {"state", to_string(server.rotation)},
        {"throttle", server.throttle},
        {"up", server.up()},
    };
    constexpr std::array k_columns{
        "scur",
        "stot",
        "lbtot",
        "hrsp_1xx",
        "hrsp_2xx",
        "hrsp_3xx",
        "hrsp_4xx",
        "hrsp_5xx",
        "econ",
        "eresp",
        "wretr",
        "wredis",
        "cli_abrt",
        "srv_abrt",
        "chkfail",
        "lastchg",
    };
    for (const char* column : k_columns) {
        out[column] = server.count(column);
    }
    return out;
}

} // namespace

// How HAProxy 2.6 counts (each measured): a stream is in hrsp_2xx as soon as its head came, stays
// there when it breaks, and is in srv_abrt and eresp then; a connection reset before the head may
// count twice in eresp; one that was handed to another server is in stot here and in wredis.
StreamCounts streams_of(const HaproxyFacts& server) {
    constexpr std::array k_answered{
        "hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"
    };
    const auto at_least_0 = [](std::int64_t value) { return std::max<std::int64_t>(value, 0); };
    std::int64_t answered = 0;
    for (const char* column : k_answered) {
        answered += server.count(column);
    }
    const std::int64_t passed_on = server.count("wredis") + server.count("econ");
    const std::int64_t unanswered = at_least_0(server.count("stot") - answered - passed_on);
    const std::int64_t reset = at_least_0(server.count("eresp") - server.count("srv_abrt"));
    const std::int64_t broken = passed_on + server.count("srv_abrt") + std::min(reset, unanswered);
    const std::int64_t finished =
        at_least_0(server.count("stot") - server.count("scur") - broken - server.count("cli_abrt"));
    return {
        static_cast<std::uint64_t>(at_least_0(server.count("scur"))),
        static_cast<std::uint64_t>(finished),
        static_cast<std::uint64_t>(at_least_0(broken))
    };
}

Json extra_of(const HaproxySnapshot& snapshot, const HaproxyDriverOptions& options) {
    Json servers = Json::object();
    for (const HaproxyFacts& server : snapshot.servers) {
        servers[server.name] = server_json(server);
    }
    return {
        {"version", snapshot.process.version},
        {"pid", snapshot.process.pid},
        {"uptime_s", snapshot.process.uptime_s},
        {"started_s", snapshot.process.started_s},
        {"level", snapshot.process.level},
        {"backend", options.backend},
        {"algorithm", snapshot.algorithm},
        {"persistence", snapshot.persistence},
        {"state_file", options.state_file},
        {"servers", std::move(servers)},
    };
}

} // namespace oa_stream::traffic
