// The TOML functions we need: quoting a value, and reading settings from a config.toml.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// `text` as a TOML basic string, quotes included.
[[nodiscard]] std::string toml_string(std::string_view text);

/// The settings of a config.toml that thread/start reports back.
struct ConfigFacts {
    std::optional<std::string> model{};
    std::optional<std::string> effort{}; ///< model_reasoning_effort
    std::optional<std::string> provider{};
    std::optional<std::string> approval_policy{};
    std::optional<std::string> sandbox_mode{};
    std::optional<std::string> permissions{}; ///< default_permissions
    std::vector<std::string> env_keys{}; ///< every env_key = "NAME", in any table
};

/// Empty for invalid TOML: codex itself checks the file, with --strict-config.
[[nodiscard]] ConfigFacts read_config_facts(std::string_view toml);

} // namespace oa_stream::authority
