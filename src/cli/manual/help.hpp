// Help text, generated from the command table alone.
#pragma once

#include "core/command.hpp"
#include "core/parse.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

constexpr std::size_t k_help_columns = 80; ///< longer lines are not easier to read

/// The first screen: the program's purpose, the most frequent commands, and all commands by group.
[[nodiscard]] std::string overview(std::size_t columns = k_help_columns);
/// Usage, options with defaults, examples.
[[nodiscard]] std::string help_of(const CommandSpec& command, std::size_t columns = k_help_columns);
/// The commands of a family like "cutover", with their summaries and further help.
[[nodiscard]] std::string
help_of_family(std::string_view family, std::size_t columns = k_help_columns);
/// Help on a command, a family, or everything.
[[nodiscard]] std::string help_about(const Topic& topic, std::size_t columns = k_help_columns);

/// "smoke-stream", the name of the page for `man`.
[[nodiscard]] std::string page_word(std::string_view path);

struct Found {
    std::string page; ///< page of the manual: "cutover-apply"
    std::string what; ///< "oa-stream cutover apply", "serve --heartbeat", "playbook: limits"
    std::string line; ///< the line that matched
};
/// Lines from commands, options, exit codes, playbook keys and config keys that contain all of the
/// words, best match first. At most `limit`.
[[nodiscard]] std::vector<Found> search_help(std::string_view words, std::size_t limit);

} // namespace oa_stream::cli
