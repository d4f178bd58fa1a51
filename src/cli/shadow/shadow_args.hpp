// What shadow reads from its command line.
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/probe/shadow.hpp"

#include "core/command.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

struct ShadowAsked {
    probe::ShadowOptions options{}; ///< without prompts as long as the lane is not known
    std::optional<authority::CodexOptions> codex{}; ///< the reference is a Codex of our own
    std::vector<std::shared_ptr<const authority::Capture>> captures{}; ///< or these recordings
    bool own_prompts = false; ///< options.prompts are the user's
    std::string reference{};  ///< for people: URL, "codex", "67 recordings"
    std::string again{};      ///< the command line, as far as it can be typed again
};

/// Code::usage, unreadable, credentials. Recordings and prompt files are read here.
[[nodiscard]] Result<ShadowAsked> parse_shadow(const Args& args, const Context& context);

} // namespace oa_stream::cli
