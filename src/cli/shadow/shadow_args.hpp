// The options of shadow.
#pragma once

#include "oa_stream/authority/codex.hpp"
#include "oa_stream/probe/shadow.hpp"

#include "core/command.hpp"
#include "smoke/smoke_args.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

struct ShadowAsked {
    probe::ShadowOptions options{}; ///< without prompts until the lane is known
    std::optional<authority::CodexOptions> codex{}; ///< set if the reference is our own Codex
    std::vector<std::shared_ptr<const authority::Capture>> captures{}; ///< or these recordings
    bool own_prompts = false; ///< options.prompts were given by the user
    std::string reference{}; ///< for display: URL, "codex", "67 recordings"
};

/// The command line, before settings that depend on several options are computed.
struct ShadowGiven : TargetOptions, LimitOptions {
    ShadowAsked asked{};
    authority::CodexOptions codex{};
    std::optional<std::string> against{};
    std::optional<Secret> against_auth{};
    std::string against_connect_to{};
    std::vector<std::string> natives{};
    std::vector<std::string> prompts{};
    std::optional<std::string> prompts_file{};
    std::vector<std::string> ignored{};
};
/// Code::usage, unreadable, credentials. Recordings and prompt files are read here.
[[nodiscard]] Result<ShadowAsked> complete_shadow(ShadowGiven given, const Context& context);
/// A time in seconds, which may be 0.
[[nodiscard]] Result<double> read_seconds(std::string_view text);

} // namespace oa_stream::cli
