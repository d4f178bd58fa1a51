// The built-in config.toml files of both profiles.
#pragma once

#include "oa_stream/authority/codex.hpp"

#include <filesystem>
#include <string>

namespace oa_stream::authority {

/// The [model_providers.*] entry both profiles define and use.
inline constexpr std::string_view k_provider_id = "oa_upstream";

/// The profile's whole config.toml. `catalog`: absolute path of the tool-free model catalogue,
/// empty when the model is not built into codex. `command_home`: HOME of the model's commands;
/// empty: Codex's own.
[[nodiscard]] std::string profile_config(
    const CodexOptions& options,
    const std::string& catalog,
    const std::filesystem::path& command_home = {}
);

} // namespace oa_stream::authority
