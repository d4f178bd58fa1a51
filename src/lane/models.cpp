#include "models.hpp"

#include "oa_stream/base/lists.hpp"

namespace oa_stream::lane {

std::vector<LaneModel> offered_models(const LaneConfig& config) {
    return config.models.empty() ? std::vector{LaneModel{config.model, config.model}}
                                 : config.models;
}

const authority::ModelInfo*
known_model(std::span<const authority::ModelInfo> known, std::string_view id) {
    return find_or_null(known, id, &authority::ModelInfo::id);
}

bool takes_effort(const authority::ModelInfo& model, std::string_view effort) {
    return effort.empty() || model.efforts.empty() || contains(model.efforts, effort);
}

Json models_document(const LaneConfig& config, const authority::Capabilities& able) {
    Json data = Json::array();
    for (const auto& model : offered_models(config)) {
        const auto* known = known_model(able.models, model.id);
        Json row = Json::object({{"id", model.id}, {"label", model.label}});
        row["default"] = model.id == config.model;
        row["efforts"] = known == nullptr ? Json::array() : Json(known->efforts);
        const bool has_effort = known != nullptr && !known->default_effort.empty();
        row["defaultEffort"] = has_effort ? Json(known->default_effort) : Json(nullptr);
        data.push_back(std::move(row));
    }
    return Json::object({{"data", std::move(data)}});
}

} // namespace oa_stream::lane
