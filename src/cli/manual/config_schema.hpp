// The config file as a JSON Schema, generated from the option rows.
#pragma once

#include "oa_stream/base/json.hpp"

namespace oa_stream::cli {

/// JSON Schema 2020-12: a section for each command and one for the options that every command has,
/// without options that are only allowed on a command line.
[[nodiscard]] Json config_schema();

} // namespace oa_stream::cli
