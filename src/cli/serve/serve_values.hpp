// Values of serve's options that set more than one member.
#pragma once

#include "serve_options.hpp"

#include <array>
#include <span>
#include <string>
#include <string_view>

namespace oa_stream::cli {

// The words of each option name the values of its enum in order.
inline constexpr std::array<std::string_view, 2> k_texts{"deltas", "items"};
inline constexpr std::array<std::string_view, 2> k_approvals{"deny", "ask"};
inline constexpr std::array<std::string_view, 2> k_compat{"optional", "required"};
inline constexpr std::array<std::string_view, 2> k_formats{"json", "logfmt"};
inline constexpr std::array<std::string_view, 4> k_levels{"debug", "info", "warn", "error"};

[[nodiscard]] Result<const authority::AuthorityKind*> read_kind(std::string_view name);
/// As browsers send it: scheme://host[:port] in lower case, without the default port; * and null
/// are accepted unchanged. Code::usage for what no browser sends.
[[nodiscard]] Result<std::string> read_origin(std::string_view text);
[[nodiscard]] Result<void>
add_proxies(std::span<const std::string> networks, ServeOptions& options);
[[nodiscard]] Result<void> add_faults(std::span<const std::string> faults, ServeOptions& options);
/// "streams=" for each name that --limit accepts.
[[nodiscard]] std::span<const std::string_view> limit_words();
[[nodiscard]] Result<void> set_limits(std::span<const std::string> limits, ServeOptions& options);

} // namespace oa_stream::cli
