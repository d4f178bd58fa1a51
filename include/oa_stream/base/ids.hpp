// Identifiers: random ones, and the one alphabet thread and message ids may use on the wire.
#pragma once

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

} // namespace oa_stream
