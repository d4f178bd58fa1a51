#include "ui_delta.hpp"

#include "json_text.hpp"

namespace oa_stream::wire::ui {

namespace {

constexpr std::string_view k_text = R"({"type":"text-delta","id":)";
constexpr std::string_view k_reasoning = R"({"type":"reasoning-delta","id":)";
constexpr std::string_view k_delta = R"(,"delta":)";

/// Reads the string at `at`; false when there is none or it contains a lone surrogate.
bool read_string(std::string_view data, std::size_t& at, std::string& out) {
    bool lone = false;
    return at < data.size() && data[at] == '"' && read_json_string(data, at, out, lone) && !lone;
}

} // namespace

std::optional<PartDelta> read_plain_delta(std::string_view data) {
    const bool text = data.starts_with(k_text);
    if (!text && !data.starts_with(k_reasoning)) {
        return std::nullopt;
    }
    std::optional<PartDelta> delta(std::in_place);
    delta->kind = text ? PartKind::text : PartKind::reasoning;
    std::size_t at = text ? k_text.size() : k_reasoning.size();
    if (!read_string(data, at, delta->id) || !data.substr(at).starts_with(k_delta)) {
        return std::nullopt;
    }
    at += k_delta.size();
    if (!read_string(data, at, delta->delta) || data.substr(at) != "}") {
        return std::nullopt;
    }
    return delta;
}

} // namespace oa_stream::wire::ui
