// The model catalogue for chat: codex's own entry of a model, with everything that brings tools
// removed. Built-in models carry tools of their own, whatever [features] says.
#pragma once

#include "oa_stream/base/error.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::authority {

/// `models_json`: the output of `codex debug models`. Returns the text of a model_catalog_json file
/// with only `model`, or empty text when the catalogue does not know it (such a model is offered no
/// tools as it is). Errors: Code::protocol when the text is no catalogue.
[[nodiscard]] Result<std::string>
tool_free_catalog(std::string_view models_json, std::string_view model);

/// The reasoning efforts that the same text names for `model`; empty when it does not know it.
[[nodiscard]] std::vector<std::string>
advertised_efforts(std::string_view models_json, std::string_view model);

} // namespace oa_stream::authority
