// The models that this lane offers: those of --model, with what the authority reports of them.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/lane/config.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// At least one; the first is used when a request names none.
[[nodiscard]] std::vector<LaneModel> offered_models(const LaneConfig& config);
/// The entry of `known` with this id; nullptr when there is none.
[[nodiscard]] const authority::ModelInfo*
known_model(std::span<const authority::ModelInfo> known, std::string_view id);
/// True as well when no effort is requested, or the model's efforts are unknown.
[[nodiscard]] bool takes_effort(const authority::ModelInfo& model, std::string_view effort);
/// {"data":[{id,label,default,efforts,defaultEffort}]}
[[nodiscard]] Json models_document(const LaneConfig& config, const authority::Capabilities& able);

} // namespace oa_stream::lane
