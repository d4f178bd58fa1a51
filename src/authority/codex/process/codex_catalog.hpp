// The model catalogue for chat: codex's own entry of a model, with everything that brings tools
// removed. Built-in models carry tools of their own, whatever [features] says.
#pragma once

#include "oa_stream/authority/authority.hpp"
#include "oa_stream/base/json.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// `models_json`: the output of `codex debug models --bundled`. Returns the text of a
/// model_catalog_json file with only `wanted`, or empty text when the catalogue knows none of them
/// (such models are offered no tools as they are). Errors: Code::protocol when the text is not a
/// catalogue.
[[nodiscard]] Result<std::string>
tool_free_catalog(std::string_view models_json, std::vector<std::string> wanted);

/// The reasoning efforts that the same text names for `model`; empty when it does not know it.
[[nodiscard]] std::vector<std::string>
advertised_efforts(std::string_view models_json, std::string_view model);

/// The models of a result of model/list; none when it is something else.
[[nodiscard]] std::vector<ModelInfo> listed_models(const Json& result);

} // namespace oa_stream::authority
