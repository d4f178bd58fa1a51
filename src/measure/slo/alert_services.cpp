// Alerts of what lanes depend on beside Codex: the store that they share, and Khala.
#include "alert_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace oa_stream::measure::alerts {
namespace {

constexpr int k_minutes = 30; ///< of every case here

std::string here(std::string_view metric) {
    return fmt::format(R"({}{{example="a"}})", metric);
}

/// One of these metrics, and what is wrong when it stays at 0 or rises.
struct Watched {
    std::string_view alert;
    std::string_view metric;
    enum class Bad { down, rises, high } bad; ///< a gauge at 0, a counter in 10 m, a gauge
    double above = 0; ///< of a counter's rise and of a gauge: how much is too much
    std::string_view severity;
    std::string_view summary;
    std::string_view fault; ///< of the case that fires it
};
using Bad = Watched::Bad;
constexpr std::array k_watched{
    Watched{
        "OaStreamStoreDown",
        "store_up",
        Bad::down,
        0,
        "page",
        "A lane's store does not answer: new turns there get 503.",
        "the store does not answer"
    },
    Watched{
        "OaStreamStoreFull",
        "store_memory_ratio",
        Bad::high,
        0.8,
        "page",
        "The store's memory is nearly full: new turns get 503.",
        "the store is nearly full"
    },
    Watched{
        "OaStreamTurnsReaped",
        "reaped_total",
        Bad::rises,
        0,
        "ticket",
        "Turns of a dead lane could not go on and were ended with an error.",
        "turns of a dead lane are ended"
    },
    Watched{
        "OaStreamTurnsFenced",
        "fenced_total",
        Bad::rises,
        0,
        "ticket",
        "A lane found its turns taken by another one: it was believed dead.",
        "a lane was believed dead"
    },
    Watched{
        "OaStreamLogsLost",
        "tail_gaps_total",
        Bad::rises,
        0,
        "ticket",
        "The store lost the logs of running turns: readers on other lanes were cut.",
        "the store lost logs"
    },
    Watched{
        "OaStreamKhalaDown",
        "worker_link_up",
        Bad::down,
        0,
        "page",
        "A lane's connection to Khala is down: its turns wait.",
        "the connection to Khala is down"
    },
    Watched{
        "OaStreamKhalaUnsteady",
        "worker_reconnects_total",
        Bad::rises,
        5,
        "ticket",
        "A lane's connection to Khala is lost again and again.",
        "the connection to Khala is lost again and again"
    },
    Watched{
        "OaStreamKhalaStale",
        "worker_stale_cursors_total",
        Bad::rises,
        5,
        "ticket",
        "Khala forgets events before a lane has read them.",
        "Khala forgets what a lane has not read"
    },
    Watched{
        "OaStreamKhalaReauth",
        "worker_reauths_total",
        Bad::rises,
        2,
        "ticket",
        "Khala refuses a lane's tokens.",
        "Khala refuses tokens"
    },
    Watched{
        "OaStreamKhalaLag",
        "worker_lag_events",
        Bad::high,
        250,
        "ticket",
        "A lane is far behind its worker's events.",
        "a lane is far behind its worker"
    },
};

Series series_of(const Watched& one, bool healthy, int minutes) {
    Series out{.name = here(one.metric)};
    if (one.bad == Bad::rises) {
        out.pieces = {{healthy ? 0.0 : 1.0, minutes}};
    } else {
        out.constant = (one.bad == Bad::down) == healthy ? std::max(1.0, one.above * 2) : 0;
    }
    return out;
}

} // namespace

Group service_rules(const AlertOptions& options) {
    Group out{.name = "oa-stream-services", .rules = {}};
    for (const Watched& one : k_watched) {
        const auto series = selector(options, one.metric, "");
        out.rules.push_back({
            .name = std::string(one.alert),
            .expr = one.bad == Bad::down ? fmt::format("max_over_time({}[1m]) == 0", series)
                    : one.bad == Bad::rises
                        ? fmt::format("increase({}[10m]) > {:g}", series, one.above)
                        : fmt::format("{} > {:g}", series, one.above),
            .wait = "1m",
            .severity = std::string(one.severity),
            .summary = std::string(one.summary),
        });
    }
    return out;
}

std::vector<Case> service_cases(const AlertOptions& options) {
    std::vector<Case> out;
    for (const Watched& one : k_watched) {
        out.push_back({
            .name = std::string(one.fault),
            .changes = {series_of(one, false, k_minutes)},
            .firing = {{std::string(one.alert), case_labels(options, "example", "a")}},
        });
    }
    return out;
}

std::vector<Series> healthy_services(int minutes) {
    std::vector<Series> out;
    for (const Watched& one : k_watched) {
        out.push_back(series_of(one, true, minutes));
    }
    return out;
}

} // namespace oa_stream::measure::alerts
