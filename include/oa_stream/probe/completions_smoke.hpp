// smoke completions and smoke responses: check over the network that /v1/chat/completions or
// /v1/responses keeps its contract, behind an edge as well as at its origin.
#pragma once

#include "oa_stream/probe/smoke_rule.hpp"
#include "oa_stream/probe/stream_probe.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::probe {

enum class OpenAiApi { completions, responses };

struct CompletionsSmokeOptions {
    OpenAiApi api = OpenAiApi::completions;
    Target target; ///< base_url without /v1; sends no compat headers
    /// The origin behind the target: shapes and timings are compared.
    std::optional<Target> direct{};
    ProbeLimits limits{};
    std::string model{}; ///< empty: the first model in /v1/models
    std::string prompt{}; ///< empty: one that suits the target's authority
    /// Finds out whether the target plays made-up turns, and uses them: failures, cut answers, the
    /// limit.
    bool made_up_turns = false;
    /// Also run the check that takes a third of a minute: a turn with a long silence.
    bool slow = false;
    std::string id_prefix = "completions";
    /// Stores answers: called with a file name and its bytes; returns the path written, relative to
    /// the run folder. Unset: nothing is kept.
    std::function<std::string(const std::string& name, std::string_view bytes)> keep{};
    std::function<void(const Check&)> on_check{}; ///< called after each check
};

[[nodiscard]] std::span<const SmokeRule> completions_rules() noexcept;

/// Runs every check once, in the order of the rules; about twenty short turns, two more with
/// `direct`. A target that cannot be reached is ERROR; data.outcome is "unauthorised" when the key
/// was refused.
[[nodiscard]] Task<std::vector<Check>>
smoke_completions(net::HttpClient& client, CompletionsSmokeOptions options);

/// The common shape of all answers to one request: names and types, with every text, number and id
/// replaced by the name of its type.
[[nodiscard]] Json shape_of(const Json& answer);
/// "$.choices[0].message: string, null": the first difference of two shapes; empty when there is
/// none.
[[nodiscard]] std::string shape_difference(const Json& a, const Json& b);
/// The same for two complete answers of one model: reasoning or commentary in only one of them is
/// not a difference.
[[nodiscard]] std::string whole_difference(const Json& a, const Json& b);

} // namespace oa_stream::probe
