// Values of serve's options that are more than one member.
#pragma once

#include "serve_options.hpp"

#include <span>
#include <string>
#include <string_view>

namespace oa_stream::cli {

[[nodiscard]] Result<const authority::AuthorityKind*> read_kind(std::string_view name);
[[nodiscard]] Result<void>
add_proxies(std::span<const std::string> networks, ServeOptions& options);
[[nodiscard]] Result<void> add_faults(std::span<const std::string> faults, ServeOptions& options);
/// Each is K=URL.
[[nodiscard]] Result<void> add_servers(std::span<const std::string> servers, ServeOptions& options);
/// "streams=" of each name that --limit knows.
[[nodiscard]] std::span<const std::string_view> limit_words();
[[nodiscard]] Result<void> set_limits(std::span<const std::string> limits, ServeOptions& options);

} // namespace oa_stream::cli
