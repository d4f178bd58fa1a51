// What shadow reads from its command line.
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
    probe::ShadowOptions options{}; ///< without prompts as long as the lane is not known
    std::optional<authority::CodexOptions> codex{}; ///< the reference is a Codex of our own
    std::vector<std::shared_ptr<const authority::Capture>> captures{}; ///< or these recordings
    bool own_prompts = false; ///< options.prompts are the user's
    std::string reference{};  ///< for people: URL, "codex", "67 recordings"
};

/// The command line, before what follows from several options is worked out.
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
