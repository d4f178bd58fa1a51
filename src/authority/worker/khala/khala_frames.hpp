// Frames of Khala's two wires. Pure: any bytes give a frame or `none`.
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
        none,   ///< unknown, unused or unreadable
        hello,  ///< Rust wire: the connection is open
        events,
        stale,  ///< the cursor is stale; `head` is the topic's head
        slow,   ///< disconnected as a slow consumer
        reauth,
        failed, ///< any other error; `code`
        joined, ///< Phoenix wire: a command was accepted; `ref`
        closed, ///< likewise: the channel was closed
    };
    Kind kind = Kind::none;
    std::vector<WorkerEvent> events{}; ///< events of our worker only
    std::uint64_t watermark = 0;       ///< the highest of a batch, including other workers'
    std::optional<std::uint64_t> head{};
    std::optional<Millis> pause{}; ///< before the next connection, if the server sets one
    std::string code{};
    std::string window{}; ///< this build is refused: the reason and the accepted builds
    std::string ref{}; ///< Phoenix wire: the command that is answered; empty: none
};

struct KhalaFilter {
    std::string topic;
    std::string worker;
};

[[nodiscard]] KhalaFrame read_rust_frame(std::string_view text, const KhalaFilter& filter);
[[nodiscard]] KhalaFrame read_phoenix_frame(std::string_view text, const KhalaFilter& filter);

/// A Phoenix message: [join_ref|null, ref, "sync:v1", event, payload]; "" becomes null.
[[nodiscard]] std::string phoenix_message(
    std::string_view join_ref, std::string_view ref, std::string_view event, Json payload
);

} // namespace oa_stream::authority
