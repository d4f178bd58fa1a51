// The services that lanes depend on beside their turns (Codex, the shared store, Khala): the metric
// of each, and when it is at fault. Alerts and watch share this table, so the command that an alert
// names shows the fault that the alert reports.
#pragma once

#include "oa_stream/measure/exposition.hpp"

#include <array>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure {

struct ServiceSignal {
    std::string_view alert;
    std::string_view metric; ///< without the prefix
    enum class Bad { down, rises, high } bad; ///< a gauge at 0, a counter in 10 m, a gauge
    double above = 0; ///< fault threshold for a counter's rise or a gauge
    bool pages;
    std::string_view summary;
    std::string_view fault; ///< "the store is nearly full"
    /// A label of the metric. A counter is summed over it, because one fault may raise several
    /// series; for a gauge each value is a separate fault.
    std::string_view apart{};
    [[nodiscard]] constexpr bool each() const noexcept {
        return bad != Bad::rises && !apart.empty();
    }
};

/// How long a fault lasts before its alert fires. A fault of a service makes turns fail, and the
/// alerts of failing turns fire after two minutes. The cause must fire first, because Alertmanager
/// only silences alerts that fire after it.
inline constexpr std::string_view k_service_wait = "1m";

using SignalBad = ServiceSignal::Bad;
inline constexpr std::array k_service_signals{
    ServiceSignal{
        "OaStreamCodexDown",
        "codex_up",
        SignalBad::down,
        0,
        true,
        "A lane's Codex is not ready: it died or hangs.",
        "no Codex process is ready"
    },
    ServiceSignal{
        "OaStreamCodexServerDown",
        "codex_server_up",
        SignalBad::down,
        0,
        true,
        "A lane cannot use one of its Codex servers: conversations there get 503.",
        "a Codex server is not ready",
        "server"
    },
    ServiceSignal{
        "OaStreamCodexDisk",
        "codex_save_failures_total",
        SignalBad::rises,
        0,
        true,
        "Codex cannot store turns: its disk is full or broken.",
        "Codex could not store turns"
    },
    ServiceSignal{
        "OaStreamStoreDown",
        "store_up",
        SignalBad::down,
        0,
        true,
        "A lane cannot fully use its store: new turns there may get 503.",
        "the store is not fully usable"
    },
    ServiceSignal{
        "OaStreamStoreFull",
        "store_memory_ratio",
        SignalBad::high,
        0.8,
        true,
        "The store's memory is nearly full: new turns get 503.",
        "the store is nearly full"
    },
    ServiceSignal{
        "OaStreamTurnsReaped",
        "reaped_total",
        SignalBad::rises,
        0,
        false,
        "Turns of a dead lane could not go on and were ended with an error.",
        "turns of a dead lane were ended"
    },
    ServiceSignal{
        "OaStreamTurnsFenced",
        "fenced_total",
        SignalBad::rises,
        0,
        false,
        "A lane found its turns taken by another one: it was believed dead.",
        "its turns were taken by another lane",
        "where"
    },
    ServiceSignal{
        "OaStreamLogsLost",
        "tail_gaps_total",
        SignalBad::rises,
        0,
        false,
        "The store lost the logs of running turns: readers on other lanes were cut.",
        "the store lost logs of running turns"
    },
    ServiceSignal{
        "OaStreamKhalaDown",
        "worker_link_up",
        SignalBad::down,
        0,
        true,
        "A lane's connection to Khala is down: its turns wait.",
        "the connection to Khala is down"
    },
    ServiceSignal{
        "OaStreamKhalaUnsteady",
        "worker_reconnects_total",
        SignalBad::rises,
        5,
        false,
        "A lane's connection to Khala is lost again and again.",
        "the connection to Khala is lost again and again"
    },
    ServiceSignal{
        "OaStreamKhalaStale",
        "worker_stale_cursors_total",
        SignalBad::rises,
        5,
        false,
        "Khala forgets events before a lane has read them.",
        "Khala forgets what was not read"
    },
    ServiceSignal{
        "OaStreamKhalaReauth",
        "worker_reauths_total",
        SignalBad::rises,
        2,
        false,
        "Khala refuses a lane's tokens.",
        "Khala refuses tokens"
    },
    ServiceSignal{
        "OaStreamKhalaLag",
        "worker_lag_events",
        SignalBad::high,
        250,
        false,
        "A lane is far behind its worker's events.",
        "far behind its worker"
    },
};

/// PromQL: the series of that selector that are at fault now. `began` selects
/// oa_stream_process_start_time_seconds, so that events of a new lane before its first scrape
/// count.
[[nodiscard]] std::string
at_fault(const ServiceSignal& signal, const std::string& series, const std::string& began);
/// PromQL for all faults now, in as few queries as fit into URLs; the label `signal` names the
/// metric. `select` turns a metric's full name into a selector.
[[nodiscard]] std::vector<std::string>
fault_queries(const std::function<std::string(std::string_view)>& select);

struct ServiceFault {
    std::string where{}; ///< an instance
    const ServiceSignal* signal = nullptr;
    double value = 0; ///< the gauge's value, or the counter's rise
    std::string which{}; ///< the label's value where each() holds
    /// "10.0.0.2:8080: the store is nearly full (oa_stream_store_memory_ratio 0.87)"
    [[nodiscard]] std::string text() const;
};
/// Faults from one process' own numbers: gauges by their present value, counters by their rise.
[[nodiscard]] std::vector<ServiceFault>
service_faults(std::string_view where, const SeriesMap& now, const SeriesMap& rose);

} // namespace oa_stream::measure
