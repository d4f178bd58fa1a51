#include "codex_toml.hpp"

#include "oa_stream/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace oa_stream::authority {

namespace {

/// How often a multi-line string opens or closes on this line.
std::size_t fences(std::string_view line) {
    std::size_t count = 0;
    for (const std::string_view fence : {R"(""")", "'''"}) {
        for (std::size_t at = line.find(fence); at != std::string_view::npos;
             at = line.find(fence, at + fence.size())) {
            ++count;
        }
    }
    return count;
}

/// The text of a one-line string value without escapes; nullopt for any other value.
std::optional<std::string> plain_string(std::string_view value) {
    if (value.size() < 2 || (value[0] != '"' && value[0] != '\'')) {
        return std::nullopt;
    }
    const std::size_t end = value.find(value[0], 1);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }
    const std::string_view text = value.substr(1, end - 1);
    if (value[0] == '"' && text.contains('\\')) {
        return std::nullopt;
    }
    return std::string(text);
}

void note(ConfigFacts& facts, bool top_level, std::string_view key, std::string value) {
    if (key == "env_key") {
        if (std::ranges::find(facts.env_keys, value) == facts.env_keys.end()) {
            facts.env_keys.push_back(std::move(value));
        }
    } else if (!top_level) {
        return;
    } else if (key == "model") {
        facts.model = std::move(value);
    } else if (key == "model_provider") {
        facts.provider = std::move(value);
    } else if (key == "approval_policy") {
        facts.approval_policy = std::move(value);
    } else if (key == "sandbox_mode") {
        facts.sandbox_mode = std::move(value);
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
    ConfigFacts facts;
    bool top_level = true;
    bool in_text = false;
    while (!toml.empty()) {
        const std::size_t end = toml.find('\n');
        const std::string_view line = trim(toml.substr(0, end));
        toml = end == std::string_view::npos ? std::string_view{} : toml.substr(end + 1);
        if (fences(line) % 2 == 1) {
            in_text = !in_text;
            continue;
        }
        if (in_text || line.empty() || line[0] == '#') {
            continue;
        }
        if (line[0] == '[') {
            top_level = false;
            continue;
        }
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            continue;
        }
        if (auto value = plain_string(trim(line.substr(equals + 1)))) {
            note(facts, top_level, trim(line.substr(0, equals)), std::move(*value));
        }
    }
    return facts;
}

} // namespace oa_stream::authority
