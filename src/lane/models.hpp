// The models that this lane offers: those of --model, and what the authority knows of them.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"
#include "oa_stream/lane/config.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace oa_stream::lane {

/// At least one; the first is asked when a request names none.
[[nodiscard]] std::vector<LaneModel> offered_models(const LaneConfig& config);
/// Of those that the authority knows; nullptr when it is none of them.
[[nodiscard]] const authority::ModelInfo*
known_model(std::span<const authority::ModelInfo> known, std::string_view id);
/// True as well when none is asked for, or nobody knows which it takes.
[[nodiscard]] bool takes_effort(const authority::ModelInfo& model, std::string_view effort);
/// {"data":[{id,label,default,efforts,defaultEffort}]}
[[nodiscard]] Json models_document(const LaneConfig& config, const authority::Capabilities& able);

} // namespace oa_stream::lane
