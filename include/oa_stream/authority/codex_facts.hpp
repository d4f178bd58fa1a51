// Checks of Codex servers as a lane would see them, for setup commands.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// Codex releases (without patch number) with which the lane tests passed.
inline constexpr std::array<std::string_view, 2> k_tested_codex{"0.169.", "0.171."};
/// Whether `version` ("0.169.0") is one of them.
[[nodiscard]] bool is_tested_codex(std::string_view version) noexcept;

struct CodexServerFacts {
    CodexServer server{};
    /// The Codex version that the server reports; empty: it reports none. Code::credentials: the
    /// token is refused, or missing in its configured place; Code::timeout: the server accepts
    /// connections but does not answer; Code::unavailable: no server, or a different program.
    Result<std::string> version{};
    bool tested = false; ///< is_tested_codex() of that version
};

/// Connects to each server as a lane would, then disconnects; starts no thread. Errors as for
/// check_codex_servers().
[[nodiscard]] Task<Result<std::vector<CodexServerFacts>>>
look_at_codex_servers(asio::any_io_executor executor, std::vector<CodexServer> servers);

} // namespace oa_stream::authority
