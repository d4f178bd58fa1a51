// The options for starting a Codex, or for the addresses of Codex servers.
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/base/option_names.hpp"

#include "core/option.hpp"

#include <array>
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
/// `Path` leads to the reference of the servers' common token.
template <auto... Path>
inline constexpr auto k_codex_token = option<Path...>(
    names::codex_token,
    "REF",
    "Read the token of the Codex servers from env:NAME, file:PATH or fd:N."
);

/// `Path` leads to the member of a command's options that is the CodexOptions.
template <auto... Path> struct CodexRows {
    using Codex = authority::CodexOptions;
    static constexpr std::array<std::string_view, 2> k_profiles{"chat", "agent"};

    static constexpr auto program =
        option<Path..., &Codex::program>(
            names::codex_bin, "PATH", "Start this Codex executable. It is looked up in PATH."
        )
            .or_else("codex")
            .offering(Offer::files);
    static constexpr auto profile =
        option<Path..., &Codex::profile>(
            names::codex_profile, k_profiles, "Give Codex no tools (chat), or tools (agent)."
        )
            .or_else("chat");
    static constexpr auto config_file = option<Path..., &Codex::config_file>(
        "--codex-config", "FILE", "Use this config.toml instead of the profile's."
    );
    static constexpr auto provider_url =
        option<Path..., &Codex::provider_base_url>(
            "--provider-url", "URL", "Send Codex to this model provider. It requests URL/responses."
        )
            .or_else_text("https://api.openai.com/v1");
    static constexpr auto provider_key =
        option<Path..., &Codex::provider_env_key>(
            "--provider-key-env",
            "NAME",
            "Read the key of the model provider from this environment variable."
        )
            .or_else_text("OPENAI_API_KEY");
};

} // namespace oa_stream::cli
