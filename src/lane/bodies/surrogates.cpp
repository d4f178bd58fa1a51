#include "surrogates.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace oa_stream::lane {

namespace {

constexpr std::size_t k_escape = 6; // \uXXXX
constexpr std::string_view k_replacement = "\xEF\xBF\xBD";

/// The code unit of the escape at `at`; nullopt when there is none.
std::optional<unsigned> unit_at(std::string_view json, std::size_t at) {
    if (json.size() < at + k_escape || json.substr(at, 2) != "\\u") {
        return std::nullopt;
    }
    unsigned unit = 0;
    const char* digits = json.data() + at + 2;
    const auto [end, error] = std::from_chars(digits, digits + 4, unit, 16);
    return error == std::errc{} && end == digits + 4 ? std::optional(unit) : std::nullopt;
}

bool is_high(unsigned unit) {
    return unit >= 0xD800 && unit < 0xDC00;
}
bool is_low(unsigned unit) {
    return unit >= 0xDC00 && unit < 0xE000;
}

void replace_in_text(std::string& text) {
    for (auto at = text.find(k_half_character); at != std::string::npos;
         at = text.find(k_half_character, at)) {
        text.replace(at, k_half_character.size(), k_replacement);
    }
}

bool has_half_in_name(const Json::object_t::value_type& member) {
    return member.first.contains(k_half_character);
}

Json::object_t with_replaced_names(Json::object_t members) {
    Json::object_t out;
    for (auto& [name, value] : members) {
        replace_in_text(name);
        out.emplace_back(std::move(name), std::move(value));
    }
    return out;
}

} // namespace

std::optional<std::string> replace_halves(std::string_view json) {
    std::optional<std::string> out;
    std::size_t kept = 0; // bytes of `json` that are in `out` already
    for (auto at = json.find('\\'); at != std::string_view::npos; at = json.find('\\', at)) {
        const auto unit = unit_at(json, at);
        if (!unit) {
            at += 2; // another kind of escape
            continue;
        }
        const auto next = is_high(*unit) ? unit_at(json, at + k_escape) : std::nullopt;
        if (next && is_low(*next)) {
            at += 2 * k_escape;
            continue;
        }
        if (is_high(*unit) || is_low(*unit)) {
            out = out ? std::move(out) : std::string();
            out->append(json.substr(kept, at - kept)).append("\\uFFFE");
            kept = at + k_escape;
        }
        at += k_escape;
    }
    if (out) {
        out->append(json.substr(kept));
    }
    return out;
}

void replace_surrogates(Json& body) {
    if (auto* text = body.get_ptr<std::string*>()) {
        replace_in_text(*text);
    } else if (auto* items = body.get_ptr<Json::array_t*>()) {
        std::ranges::for_each(*items, replace_surrogates);
    } else if (auto* members = body.get_ptr<Json::object_t*>()) {
        for (auto& [name, value] : *members) {
            replace_surrogates(value);
        }
        if (std::ranges::any_of(*members, has_half_in_name)) {
            *members = with_replaced_names(std::move(*members));
        }
    }
}

} // namespace oa_stream::lane
