// The options of `load`, and the targets that it may load.
#pragma once

#include "oa_stream/probe/load.hpp"

#include "core/command.hpp"
#include "core/suggestion.hpp"
#include "smoke/smoke_args.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

struct LoadArgs {
    probe::LoadOptions options{};
    bool default_prompt = true; ///< no prompt was given: use one that suits the target
    std::vector<probe::LoadLimit> limits{};
    double confidence = 0.95;
    std::uint64_t list = 0; ///< largest number of requests listed one by one
    bool ndjson = false;
    std::vector<std::string> allowed{}; ///< hosts named by --yes-load
    std::function<Suggestion(int times)> longer{}; ///< the same load, this many times as long
    Typed typed{}; ///< the command line
};

/// The command line, before settings that depend on several options are computed.
struct LoadGiven : TargetOptions, LimitOptions {
    LoadArgs load{};
    std::optional<double> per_second{};
    std::optional<unsigned> users{};
    std::optional<std::size_t> max_in_flight{};
    std::vector<std::string> prompts{};
    std::optional<std::string> prompts_file{};
};
/// Code::usage; Code::unreadable for a file of prompts; Code::precondition for a remote host that
/// --yes-load does not name.
[[nodiscard]] Result<LoadArgs> complete_load(LoadGiven given);

/// "500/s", "30/m", "500" → per second. Code::usage outside 0.01 to 100,000 per second.
[[nodiscard]] Result<double> parse_rate(std::string_view text);
/// A share above 50% and below 100%. Code::usage.
[[nodiscard]] Result<double> read_confidence(std::string_view text);
/// Code::precondition when the target's turns are real (no replay authority) and --yes-load does
/// not name its host.
[[nodiscard]] Result<void> may_cost(const LoadArgs& args, std::string_view authority);
/// About how many requests the plan makes ("30000"); 0: unknown (closed loop).
[[nodiscard]] std::uint64_t planned_requests(const probe::LoadOptions& options);

} // namespace oa_stream::cli
