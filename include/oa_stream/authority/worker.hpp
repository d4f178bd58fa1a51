// The worker authority: sends commands to a Codex worker through the worker control API (HTTP) and
// receives its events over one Khala topic (WebSocket). docs/worker.md is the operator's guide.
//
// The worker's own event log is authoritative: events are ordered and de-duplicated by the worker's
// seq; Khala's watermark only marks the position after a reconnect. A gap is filled from the log
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
    rust, ///< …/internal/v1/khala/topics/{topic}/ws
    phoenix, ///< …/sync/socket/websocket, a Phoenix channel
};

enum class WorkerText {
    deltas, ///< text as it streams
    items, ///< only complete parts: for workers that post deltas out of order
};

struct WorkerDeadlines {
    Millis request{10'000}; ///< one response of the control API or of Khala
    Millis interrupt{5'000}; ///< from turn/interrupt to the turn's end; then the lane ends it
    Millis away{30'000}; ///< Khala disconnected for this long: running turns end
    Millis hole{250}; ///< an event missing for this long is read from the log
    Millis quiet{5'000}; ///< no event applied for this long while a turn runs: query the worker
    Millis late_items{150}; ///< how long to wait for item/completed after turn/completed
    Millis stopped{1'000}; ///< from worker.stopped to the end of running turns
    Millis snapshot{15'000}; ///< between two snapshots of the worker
    Millis fresh{2'000}; ///< a start needs a snapshot no older than this
    Millis denied{30'000}; ///< between attempts after three new tokens were refused
    Millis beat{20'000}; ///< between heartbeats on the Phoenix wire; it closes after 60 s without
};

struct WorkerOptions {
    std::string control_url{}; ///< http or https; https unless loopback
    std::string worker{k_usual_worker};
    std::string auth = "env:OA_STREAM_WORKER_TOKEN"; ///< env:NAME, file:PATH or fd:N
    std::string khala_url{}; ///< ws or wss; empty: host of the control URL
    KhalaWire wire = KhalaWire::rust;
    std::string topic = "runtime.codex_worker_events";
    std::string khala_auth = "mint"; ///< or env:NAME, file:PATH, fd:N
    WorkerText text = WorkerText::deltas;
    std::string client_build{}; ///< YYYYMMDDTHHMMSSZ
    std::string model{}; ///< empty: the worker's own model
    std::string ca_file{};
    std::size_t queue_bytes = 16U << 20U; ///< unfetched events of one turn; more fails the turn
    /// Commands per minute; the control service accepts 60 per token and refuses more.
    std::size_t requests_per_minute = 60;
    WorkerDeadlines deadlines{};
    /// Receives one line that is safe to log. May be empty.
    std::function<void(LogLevel, std::string_view)> log{};
};

/// Code::usage for an invalid URL or token reference; "where" names the option.
[[nodiscard]] Result<void> check_worker_options(const WorkerOptions& options);

/// Used from `executor`'s thread only. open() does not wait for the worker: health() reports
/// what is missing.
[[nodiscard]] Result<std::unique_ptr<Authority>>
make_worker_authority(const asio::any_io_executor& executor, WorkerOptions options);

} // namespace oa_stream::authority
