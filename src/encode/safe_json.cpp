#include "safe_json.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/text.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace oa_stream::encode {
namespace {

// the library writes recursively; much deeper overflows the stack
constexpr int k_dump_depth = 1000;

/// The recursion ends at `limit`, so it cannot overflow.
[[nodiscard]] bool within(const Json& value, int limit) {
    if (!value.is_structured()) {
        return true;
    }
    return limit > 0 && std::ranges::all_of(value, [limit](const Json& child) {
               return within(child, limit - 1);
           });
}

/// Client parsers look for "prototype" in "constructor"; those of the first 5.x and 6.x releases
/// fail on a null there.
[[nodiscard]] bool unfit(const std::string& key, const Json& value) {
    const bool poisoned = value.is_null() || (value.is_object() && value.contains("prototype"));
    return key == "__proto__" || (key == "constructor" && poisoned) ||
           invalid_utf8(key).has_value();
}

/// A key that occurs neither in the source nor in the copy.
[[nodiscard]] std::string free_name(const std::string& key, const Json& source, const Json& copy) {
    const std::string base = invalid_utf8(key) ? "key" : key;
    std::string name = base + " (renamed)";
    for (int n = 2; source.contains(name) || copy.contains(name); ++n) {
        name = base + " (renamed " + std::to_string(n) + ")";
    }
    return name;
}

[[nodiscard]] Json renamed(const Json& value) {
    if (value.is_array()) {
        return json_list(value, renamed);
    }
    if (value.is_object()) {
        Json copy = Json::object();
        // operator[] and emplace() search all members; here only a renamed key may already exist.
        auto& members = copy.get_ref<Json::object_t&>();
        members.reserve(value.size());
        for (const auto& [key, child] : value.items()) {
            auto name = unfit(key, child) ? free_name(key, value, copy) : key;
            members.emplace_back(std::move(name), renamed(child));
        }
        return copy;
    }
    return value;
}

} // namespace

Json safe_json(const Json& value) {
    if (within(value, k_wire_depth)) {
        return renamed(value);
    }
    return within(value, k_dump_depth) ? Json(dump_json(value))
                                       : Json("(left out: nested too deeply)");
}

} // namespace oa_stream::encode
