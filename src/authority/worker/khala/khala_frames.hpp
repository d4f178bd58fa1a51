// Frames of Khala's two wires. Pure: whatever the bytes, a frame or nothing.
#pragma once

#include "oa_stream/base/task.hpp"

#include "worker/events/worker_event.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

struct KhalaFrame {
    enum class Kind {
        none,   ///< unknown, of no use, or not legible
        hello,  ///< Rust wire: it is open
        events,
        stale,  ///< the cursor is of no use; `head` is where the topic stands
        slow,   ///< thrown out as a slow consumer
        reauth,
        failed, ///< any other error; `code`
        joined, ///< Phoenix wire: a command was accepted; `ref`
        closed, ///< likewise: the channel is over
    };
    Kind kind = Kind::none;
    std::vector<WorkerEvent> events{}; ///< of our worker only
    std::uint64_t watermark = 0;       ///< the highest of a batch, other workers' included
    std::optional<std::uint64_t> head{};
    std::optional<Millis> pause{}; ///< before the next connection, where the server says it
    std::string code{};
    std::string window{}; ///< this build is refused: why, and which builds are served
    std::string ref{}; ///< Phoenix wire: which command is answered; empty: none
};

struct KhalaFilter {
    std::string topic;
    std::string worker;
};

[[nodiscard]] KhalaFrame read_rust_frame(std::string_view text, const KhalaFilter& filter);
[[nodiscard]] KhalaFrame read_phoenix_frame(std::string_view text, const KhalaFilter& filter);

/// A Phoenix message: [join_ref|null, ref, "sync:v1", event, payload]; "" stands for null.
[[nodiscard]] std::string phoenix_message(
    std::string_view join_ref, std::string_view ref, std::string_view event, Json payload
);

} // namespace oa_stream::authority
