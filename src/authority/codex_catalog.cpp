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

} // namespace oa_stream::authority
