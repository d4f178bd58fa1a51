#include "codex_catalog.hpp"

#include "oa_stream/base/json.hpp"

namespace oa_stream::authority {

Result<std::string> tool_free_catalog(std::string_view models_json, std::string_view model) {
    OA_TRY(const Json catalog, parse_json(models_json));
    const Json* models = member(catalog, "models");
    if (models == nullptr || !models->is_array()) {
        return fail(Code::protocol, "codex debug models: no \"models\" array");
    }
    for (const Json& entry : *models) {
        if (string_member(entry, "slug") != model) {
            continue;
        }
        Json plain = entry;
        plain["apply_patch_tool_type"] = nullptr;
        plain["tool_mode"] = "direct"; // code_mode_only offers functions.exec and functions.wait
        plain["experimental_supported_tools"] = Json::array();
        plain["supports_search_tool"] = false;
        Json out = Json::object();
        out["models"] = Json::array({std::move(plain)});
        return dump_json(out) + "\n";
    }
    return std::string{};
}

std::vector<std::string> advertised_efforts(std::string_view models_json, std::string_view model) {
    std::vector<std::string> efforts;
    const auto catalog = parse_json(models_json);
    const Json* models = catalog ? member(*catalog, "models") : nullptr;
    for (const Json& entry : models == nullptr ? Json::array() : *models) {
        const Json* levels = member(entry, "supported_reasoning_levels");
        if (string_member(entry, "slug") != model || levels == nullptr) {
            continue;
        }
        for (const Json& level : *levels) {
            if (const auto effort = string_member(level, "effort")) {
                efforts.emplace_back(*effort);
            }
        }
    }
    return efforts;
}

} // namespace oa_stream::authority
