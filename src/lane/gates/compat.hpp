// The handshake of three headers that says whether a client may talk to this lane.
#pragma once

#include "oa_stream/lane/config.hpp"
#include "gates/rejection.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace oa_stream::lane {

inline constexpr std::string_view k_build_header = "x-oa-client-build-id";
inline constexpr std::string_view k_protocol_header = "x-oa-protocol-version";
inline constexpr std::string_view k_schema_header = "x-oa-schema-version";

/// In the order in which they are looked at, and of telemetry::k_compat_codes.
enum class CompatCode {
    invalid_client_build,
    unsupported_protocol_version,
    unsupported_schema_version,
    upgrade_required,
    unsupported_client_build,
};
[[nodiscard]] std::string_view to_string(CompatCode code) noexcept;
[[nodiscard]] std::span<const CompatCode> all_compat_codes() noexcept;

struct Handshake {
    std::optional<std::string_view> client_build_id{};
    std::optional<std::string_view> protocol_version{};
    std::optional<std::string_view> schema_version{};
};
[[nodiscard]] Handshake handshake_of(const net::Headers& headers) noexcept;

/// The first check that fails, nullopt when the client may go on. With CompatMode::optional a
/// header that is not there is not looked at.
[[nodiscard]] std::optional<CompatCode>
negotiate(const CompatWindow& window, CompatMode mode, const Handshake& handshake) noexcept;

/// 426 with the window in headers and body.
[[nodiscard]] Rejection reject_compat(const CompatWindow& window, CompatCode code);

/// The window as response headers; every answer of the lane carries them.
void add_window_headers(const CompatWindow& window, net::Headers& headers);

/// Policy file: one JSON object with any of protocol_version, min_client_build_id,
/// max_client_build_id (string or null), min_schema_version, max_schema_version. Code::config on
/// unknown members, wrong types and windows nobody fits in; Code::protocol when it is no JSON.
[[nodiscard]] Result<CompatWindow>
parse_compat_policy(std::string_view text, std::string_view where);

} // namespace oa_stream::lane
