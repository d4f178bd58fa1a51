// The worker authority: commands go to a Codex worker by the worker control API (HTTP), its events
// come back over one Khala topic (WebSocket). docs/worker.md has the operator's side.
//
// The worker's own event log is the truth: events are ordered and delivered once by the worker's
// seq; Khala's watermark only marks the position after a reconnect. A hole is filled from the log
// (GET …/stream), never guessed.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/log.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace oa_stream::authority {

enum class KhalaWire {
    rust,    ///< …/internal/v1/khala/topics/{topic}/ws
    phoenix, ///< …/sync/socket/websocket, a Phoenix channel
};

enum class WorkerText {
    deltas, ///< text as it is said
    items,  ///< a part only when it is whole: for workers that post deltas out of order
};

struct WorkerDeadlines {
    Millis request{10'000};    ///< one answer of the control API, or of Khala
    Millis interrupt{5'000}; ///< turn/interrupt to the turn's end; then the lane ends it
    Millis away{30'000};     ///< Khala gone for so long: running turns end
    Millis hole{250};        ///< an event missing for so long is read from the log
    Millis quiet{5'000};     ///< nothing applied for so long while a turn runs: ask the worker
    Millis late_items{150};  ///< turn/completed before the last item/completed
    Millis stopped{1'000};   ///< worker.stopped to the end of running turns
    Millis snapshot{15'000}; ///< between two looks at the worker
    Millis fresh{2'000};     ///< a look no older than this stands before every start
    Millis denied{30'000};   ///< between attempts once three fresh tokens were refused
    Millis beat{20'000}; ///< between two heartbeats of the Phoenix wire; 60 s without close it
};

struct WorkerOptions {
    std::string control_url{}; ///< http or https; https unless loopback
    std::string worker{k_usual_worker};
    std::string auth = "env:OA_STREAM_WORKER_TOKEN"; ///< env:NAME, file:PATH or fd:N
    std::string khala_url{}; ///< ws or wss; empty: the control URL's host
    KhalaWire wire = KhalaWire::rust;
    std::string topic = "runtime.codex_worker_events";
    std::string khala_auth = "mint"; ///< or env:NAME, file:PATH, fd:N
    WorkerText text = WorkerText::deltas;
    std::string client_build{}; ///< YYYYMMDDTHHMMSSZ
    std::string model{}; ///< empty: the worker's own
    std::string ca_file{};
    std::size_t queue_bytes = 16U << 20U; ///< events of one turn nobody fetched; more fails it
    /// Commands a minute; the control service takes 60 from one token and refuses the rest.
    std::size_t requests_per_minute = 60;
    WorkerDeadlines deadlines{};
    /// One safe line. May be empty.
    std::function<void(LogLevel, std::string_view)> log{};
};

/// Code::usage for a URL or token reference that makes no sense; "where" names the option.
[[nodiscard]] Result<void> check_worker_options(const WorkerOptions& options);

/// Used from `executor`'s thread only. open() does not wait for the worker: health() reports
/// what is missing.
[[nodiscard]] Result<std::unique_ptr<Authority>>
make_worker_authority(const asio::any_io_executor& executor, WorkerOptions options);

} // namespace oa_stream::authority
