// The model catalogue for chat: codex's own entry of a model without everything that enables tools.
// Built-in models have tools of their own, whatever [features] contains.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// `models_json`: the output of `codex debug models --bundled`. Returns the text of a
/// model_catalog_json file with only the `wanted` models, or empty text when the catalogue has none
/// of them (codex offers such models no tools). Errors: Code::protocol when the text is not a
/// catalogue.
[[nodiscard]] Result<std::string>
tool_free_catalog(std::string_view models_json, std::vector<std::string> wanted);

/// The reasoning efforts of `model` in the same text; empty when the model is not in it.
[[nodiscard]] std::vector<std::string>
advertised_efforts(std::string_view models_json, std::string_view model);

/// The models in a result of model/list; empty for any other JSON.
[[nodiscard]] std::vector<ModelInfo> listed_models(const Json& result);

} // namespace oa_stream::authority
