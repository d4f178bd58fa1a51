// Manual pages in man(7) form, generated from the command table.
#pragma once

#include "core/command.hpp"

#include <string>
#include <vector>

namespace oa_stream::cli {

struct ManPage {
    std::string name; ///< "oa-stream-smoke-stream"
    int section = 1;  ///< 1: a command, 5: a file format
    std::string text; ///< ASCII, lines in roff format
};

/// oa-stream(1): purpose, all commands, exit codes, environment, files.
[[nodiscard]] ManPage manual();
[[nodiscard]] ManPage manual_of(const CommandSpec& command);
/// All pages, including oa-stream-config(5) and oa-stream-playbook(5).
[[nodiscard]] std::vector<ManPage> manuals();

/// The config file's rules and keys, in Markdown.
[[nodiscard]] std::string config_page();

/// docs/commands.md: the same for the web.
[[nodiscard]] std::string commands_page();

} // namespace oa_stream::cli
