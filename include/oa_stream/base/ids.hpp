// Identifiers: random ones, the one alphabet thread and message ids may use on the wire, and how a
// chat request names its thread.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace oa_stream {

/// `bytes` random bytes as lower-case hex (getrandom).
[[nodiscard]] std::string random_hex(std::size_t bytes);

/// A version 7 UUID: sortable by time, as Codex makes them.
[[nodiscard]] std::string uuid_v7();

/// True for 1–128 characters of [A-Za-z0-9_-]: six of nine pinned clients put ids into a path raw.
[[nodiscard]] bool is_wire_id(std::string_view id) noexcept;

/// Under each of these a chat request may name its thread, in its body as in its query.
inline constexpr std::array<std::string_view, 5> k_thread_names{
    "thread_id", "threadId", "conversation_id", "conversationId", "id"
};
/// The first of them in a query string, percent-decoded and trimmed; empty when there is none, "%"
/// when it is badly escaped.
[[nodiscard]] std::string thread_in_query(std::string_view query);

} // namespace oa_stream
