#include "oa_stream/wire/json_scan.hpp"

#include <cmath>
#include <unordered_map>
#include <utility>

namespace oa_stream::wire {

namespace {

using Members = Json::object_t;

bool has_lone(std::string_view text) noexcept {
    // In well-formed UTF-8 the byte ED is followed by 80..9F only.
    for (std::size_t at = text.find('\xED'); at != std::string_view::npos;
         at = text.find('\xED', at + 1)) {
        if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) {
            return true;
        }
    }
    return false;
}

bool same_objects(const Json& a, const Json& b) {
    if (a.size() != b.size()) {
        return false;
    }
    std::unordered_map<std::string_view, const Json*> others;
    others.reserve(b.size());
    for (const auto& [key, value] : b.get_ref<const Members&>()) {
        others.emplace(key, &value);
    }
    for (const auto& [key, value] : a.get_ref<const Members&>()) {
        const auto found = others.find(key);
        if (found == others.end() || !same_json(value, *found->second)) {
            return false;
        }
    }
    return true;
}

} // namespace

bool has_lone_surrogate(const Json& value) {
    if (value.is_string()) {
        return has_lone(value.get_ref<const std::string&>());
    }
    if (value.is_object()) {
        for (const auto& [key, child] : value.get_ref<const Members&>()) {
            if (has_lone(key) || has_lone_surrogate(child)) {
                return true;
            }
        }
    } else if (value.is_array()) {
        for (const Json& child : value) {
            if (has_lone_surrogate(child)) {
                return true;
            }
        }
    }
    return false;
}

void replace_lone_surrogates(std::string& text) {
    for (std::size_t at = 0; (at = text.find('\xED', at)) != std::string::npos; at += 3) {
        if (at + 2 < text.size() && static_cast<unsigned char>(text[at + 1]) >= 0xA0) {
            text.replace(at, 3, "\xEF\xBF\xBD");
        }
    }
}

void replace_lone_surrogates(Json& value) {
    if (value.is_string()) {
        replace_lone_surrogates(value.get_ref<std::string&>());
    } else if (value.is_array()) {
        for (Json& child : value) {
            replace_lone_surrogates(child);
        }
    } else if (value.is_object()) {
        Json clean = Json::object(); // keys cannot be changed in place
        auto& members = clean.get_ref<Members&>();
        for (auto& [key, child] : value.get_ref<Members&>()) {
            std::string name = key;
            replace_lone_surrogates(name);
            replace_lone_surrogates(child);
            members.emplace_back(std::move(name), std::move(child));
        }
        value = std::move(clean);
    }
}

bool same_json(const Json& a, const Json& b) {
    if (a.is_number() && b.is_number()) {
        return a.get<double>() == b.get<double>();
    }
    if (a.type() != b.type()) {
        return false;
    }
    if (a.is_object()) {
        return same_objects(a, b);
    }
    if (!a.is_array()) {
        return a == b;
    }
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!same_json(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

std::optional<std::int64_t> whole_member(const Json& object, std::string_view key) {
    const Json* found = member(object, key);
    if (found == nullptr || !found->is_number()) {
        return std::nullopt;
    }
    const auto number = found->get<double>();
    return std::abs(number) <= static_cast<double>(k_largest_whole) && std::trunc(number) == number
               ? std::optional(static_cast<std::int64_t>(number))
               : std::nullopt;
}

} // namespace oa_stream::wire
