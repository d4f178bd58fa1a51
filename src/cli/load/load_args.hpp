// The options of `load`, and the targets that it may use.
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
    bool default_prompt = true; ///< none was given: one that suits the target
    std::vector<probe::LoadLimit> limits{};
    double confidence = 0.95;
    std::uint64_t list = 0; ///< requests listed one by one at most
    bool ndjson = false;
    std::vector<std::string> allowed{}; ///< hosts of --yes-load
    std::function<Suggestion(int times)> longer{}; ///< the same load, so many times as long
    Typed typed{}; ///< the command line
};

/// The command line, before what follows from several options is worked out.
struct LoadGiven : TargetOptions, LimitOptions {
    LoadArgs load{};
    std::optional<double> per_second{};
    std::optional<unsigned> users{};
    std::optional<std::size_t> max_in_flight{};
    std::vector<std::string> prompts{};
    std::optional<std::string> prompts_file{};
};
/// Code::usage; Code::unreadable for a file of prompts; Code::precondition for a host elsewhere
/// that --yes-load does not name.
[[nodiscard]] Result<LoadArgs> complete_load(LoadGiven given);

/// "500/s", "30/m", "500" → per second. Code::usage outside 0.01 to 100,000 per second.
[[nodiscard]] Result<double> parse_rate(std::string_view text);
/// A share above 50% and below 100%. Code::usage.
[[nodiscard]] Result<double> read_confidence(std::string_view text);
/// Code::precondition when the target's turns are real (no replay authority) and --yes-load does
/// not name its host.
[[nodiscard]] Result<void> may_cost(const LoadArgs& args, std::string_view authority);
/// "30000": about how many requests the plan makes; 0: unknown (closed loop).
[[nodiscard]] std::uint64_t planned_requests(const probe::LoadOptions& options);

} // namespace oa_stream::cli
