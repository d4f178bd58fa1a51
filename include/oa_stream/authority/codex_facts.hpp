// What a lane on Codex servers would meet, for whoever sets them up.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include <string>
#include <vector>

namespace oa_stream::authority {

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
