// The handshake: three headers that decide whether a client may use this lane.
#pragma once

#include "oa_stream/lane/config.hpp"

#include "rejection.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::lane {

struct Handshake {
    std::optional<std::string_view> client_build_id{};
    std::optional<std::string_view> protocol_version{};
    std::optional<std::string_view> schema_version{};
};
[[nodiscard]] Handshake handshake_of(const net::Headers& headers) noexcept;

/// The first check that fails; nullopt when the client may go on. With CompatMode::optional a
/// missing header is not checked.
[[nodiscard]] std::optional<CompatCode>
negotiate(const CompatWindow& window, CompatMode mode, const Handshake& handshake) noexcept;

/// 426 with the window in headers and body.
[[nodiscard]] Rejection reject_compat(const CompatWindow& window, CompatCode code);

/// The window as response headers; every answer of the lane carries them.
void add_window_headers(const CompatWindow& window, net::Headers& headers);

} // namespace oa_stream::lane
