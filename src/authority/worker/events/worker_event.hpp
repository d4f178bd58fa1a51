// One event of a worker, from any source: Khala update, notification envelope, event log.
#pragma once

#include "oa_stream/base/json.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::authority {

struct WorkerEvent {
    std::uint64_t seq = 0;       ///< the worker's own number, from 1; 0: none
    std::uint64_t watermark = 0; ///< the topic's; 0: read from the log
    std::string type{};          ///< "worker.event"; empty in a notification envelope
    std::string method{};        ///< of a Codex notification; empty: not one
    Json payload{};              ///< of a notification: with the members source, method, params
    std::size_t bytes = 0;       ///< approximate size of its text
    bool missing = false;        ///< Khala dropped the payload: read it from the log

    [[nodiscard]] const Json* params() const noexcept { return member(payload, "params"); }
};

/// The payload of a Khala update. nullopt: not an event, or another worker's.
[[nodiscard]] std::optional<WorkerEvent> read_update(Json update, std::string_view worker);
/// A row of GET …/stream; nullopt: not an event.
[[nodiscard]] std::optional<WorkerEvent> read_log_row(Json row);

/// Whole and positive numbers only; 0 otherwise.
[[nodiscard]] std::uint64_t seq_member(const Json& object, std::string_view key) noexcept;

} // namespace oa_stream::authority
