// smoke completions and smoke responses: does /v1/chat/completions, or /v1/responses, keep its
// promises, over the wire, and does it keep them behind an edge as well as at its origin?
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
    Target target; ///< base_url without /v1; compat headers are not sent
    std::optional<Target> direct{}; ///< the origin behind it: shapes and timings are compared
    ProbeLimits limits{};
    std::string model{};  ///< empty: the first one that /v1/models lists
    std::string prompt{}; ///< empty: one that suits the target's authority
    /// Asks whether the target plays made-up turns, and plays them: failures, cut answers, the
    /// limit.
    bool made_up_turns = false;
    bool slow = false; ///< also what takes a third of a minute: a turn that is silent for long
    std::string id_prefix = "completions";
    /// Where answers go: called with a file name and its bytes; returns the path written, relative
    /// to the run folder. Unset: nothing is kept.
    std::function<std::string(const std::string& name, std::string_view bytes)> keep{};
    std::function<void(const Check&)> on_check{}; ///< as each check is done
};

[[nodiscard]] std::span<const SmokeRule> completions_rules() noexcept;

/// Runs every check once, in the order of the rules; some twenty short turns, two more with
/// `direct`. A target that cannot be reached is ERROR; data.outcome is "unauthorised" when the key
/// was refused.
[[nodiscard]] Task<std::vector<Check>>
smoke_completions(net::HttpClient& client, CompletionsSmokeOptions options);

/// What two answers to one request have in common whatever the model says: names and types, with
/// every text, number and id replaced by the name of its type.
[[nodiscard]] Json shape_of(const Json& answer);
/// "$.choices[0].message: string, null": the first place where two shapes differ; empty when none.
[[nodiscard]] std::string shape_difference(const Json& a, const Json& b);
/// The same of two whole answers of one model: what it thinks, or says on its way, in one of them
/// alone makes no difference.
[[nodiscard]] std::string whole_difference(const Json& a, const Json& b);

} // namespace oa_stream::probe
