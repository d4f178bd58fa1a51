#include "codex_toml.hpp"

#include "oa_stream/base/lists.hpp"

#include <fmt/format.h>

// No exceptions; the parser is compiled into this file only.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace oa_stream::authority {

namespace {

/// Collects every env_key of the table and of nested tables.
void collect_env_keys(const toml::table& table, std::vector<std::string>& into) {
    for (const auto& [key, value] : table) {
        if (const auto* inner = value.as_table()) {
            collect_env_keys(*inner, into);
        } else if (const auto name = value.value<std::string>(); name && key == "env_key") {
            add_once(into, *name);
        }
    }
}

} // namespace

std::string toml_string(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte == 0x7f) {
            out += fmt::format("\\u{:04X}", byte);
        } else {
            out += c;
        }
    }
    out += '"';
    return out;
}

ConfigFacts read_config_facts(std::string_view toml) {
    const toml::parse_result parsed = toml::parse(toml);
    ConfigFacts facts;
    if (!parsed) {
        return facts;
    }
    const toml::table& top = parsed.table();
    facts.model = top["model"].value<std::string>();
    facts.effort = top["model_reasoning_effort"].value<std::string>();
    facts.provider = top["model_provider"].value<std::string>();
    facts.approval_policy = top["approval_policy"].value<std::string>();
    facts.sandbox_mode = top["sandbox_mode"].value<std::string>();
    facts.permissions = top["default_permissions"].value<std::string>();
    collect_env_keys(top, facts.env_keys);
    return facts;
}

} // namespace oa_stream::authority
