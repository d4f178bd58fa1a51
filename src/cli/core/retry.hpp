// The command that was typed, to be typed once more.
#pragma once

#include "command.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::cli {

/// Options said otherwise than they were given (a flag: with any value), or (nullopt) left out.
using Instead = std::map<std::string_view, std::optional<std::string>>;

/// `oa-stream PATH …` with all that was given to `command`, as a shell takes it: a suggestion that
/// left a limit out would be another, weaker question. Global options are the caller's affair.
[[nodiscard]] std::string
typed_again(const CommandSpec& command, const Args& args, const Instead& instead = {});

/// The same as another command that takes the same options.
[[nodiscard]] std::string typed_again(
    std::string_view path, const CommandSpec& command, const Args& args, const Instead& instead = {}
);

} // namespace oa_stream::cli
