// What a lane on Codex servers would meet, for whoever sets them up.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// Releases of Codex, without their patch, with which the tests of lanes passed.
inline constexpr std::array<std::string_view, 2> k_tested_codex{"0.169.", "0.171."};
/// "0.169.0": one of them.
[[nodiscard]] bool is_tested_codex(std::string_view version) noexcept;

struct CodexServerFacts {
    CodexServer server{};
    /// Of Codex there, as it says itself; empty: it does not say. Code::credentials: it refuses the
    /// token, or there is none where it should be; Code::timeout: it takes connections and says
    /// nothing; Code::unavailable: nobody is there, or somebody else.
    Result<std::string> version{};
    bool tested = false; ///< this product, with that version
};

/// Asks each as a lane would and leaves again; begins no thread. Errors as check_codex_servers().
[[nodiscard]] Task<Result<std::vector<CodexServerFacts>>>
look_at_codex_servers(asio::any_io_executor executor, std::vector<CodexServer> servers);

} // namespace oa_stream::authority
