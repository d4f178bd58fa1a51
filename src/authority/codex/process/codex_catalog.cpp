#include "codex_catalog.hpp"

#include "oa_stream/base/json_members.hpp"

namespace oa_stream::authority {

Result<std::string>
tool_free_catalog(std::string_view models_json, std::vector<std::string> wanted) {
    OA_TRY(const Json catalog, parse_json(models_json));
    const Json* models = member(catalog, "models");
    if (models == nullptr || !models->is_array()) {
        return fail(Code::protocol, "codex debug models: no \"models\" array");
    }
    Json kept = Json::array();
    for (const Json& entry : *models) {
        const auto slug = string_member(entry, "slug");
        if (!slug || std::erase(wanted, *slug) == 0) {
            continue;
        }
        Json plain = entry;
        plain["apply_patch_tool_type"] = nullptr;
        // with code_mode_only codex offers functions.exec and functions.wait
        plain["tool_mode"] = "direct";
        plain["experimental_supported_tools"] = Json::array();
        plain["supports_search_tool"] = false;
        kept.push_back(std::move(plain));
    }
    if (kept.empty()) {
        return std::string{};
    }
    return dump_json(Json::object({{"models", std::move(kept)}})) + "\n";
}

std::vector<std::string> advertised_efforts(std::string_view models_json, std::string_view model) {
    std::vector<std::string> efforts;
    const auto catalog = parse_json(models_json);
    if (!catalog) {
        return efforts;
    }
    for (const Json& entry : list_in(*catalog, "models")) {
        if (string_member(entry, "slug") != model) {
            continue;
        }
        for (const Json& level : list_in(entry, "supported_reasoning_levels")) {
            if (const auto effort = string_member(level, "effort")) {
                efforts.emplace_back(*effort);
            }
        }
    }
    return efforts;
}

std::vector<ModelInfo> listed_models(const Json& result) {
    std::vector<ModelInfo> models;
    for (const Json& entry : list_in(result, "data")) {
        ModelInfo model{.id = std::string(string_member(entry, "model").value_or(""))};
        model.default_effort = string_member(entry, "defaultReasoningEffort").value_or("");
        for (const Json& level : list_in(entry, "supportedReasoningEfforts")) {
            if (const auto effort = string_member(level, "reasoningEffort")) {
                model.efforts.emplace_back(*effort);
            }
        }
        if (!model.id.empty()) {
            models.push_back(std::move(model));
        }
    }
    return models;
}

} // namespace oa_stream::authority
