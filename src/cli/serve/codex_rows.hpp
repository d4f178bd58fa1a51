// The options that say where Codex servers are, for each command that connects to them.
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/option_names.hpp"

#include "core/option.hpp"

#include <string_view>

namespace oa_stream::cli {

/// "0=ws://127.0.0.1:4500"
[[nodiscard]] Result<authority::CodexServer> read_codex_server(std::string_view text);

/// `Path` leads to a command's list of servers.
template <auto... Path>
inline constexpr auto k_codex_server = parsed<read_codex_server, Path...>(
    names::codex_server,
    "K=URL",
    "Run turns on the Codex server at this ws://, wss:// or unix:/PATH address instead of "
    "starting one. Threads remember their server by K, 0 to 99."
);
/// `Path` leads to where the token of all of them is.
template <auto... Path>
inline constexpr auto k_codex_token = option<Path...>(
    names::codex_token,
    "REF",
    "Read the token of the Codex servers from env:NAME, file:PATH or fd:N."
);

} // namespace oa_stream::cli
