#include "last_time.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/run/runs.hpp"

#include <ranges>

namespace oa_stream::cli {

std::optional<std::chrono::milliseconds>
last_time(const std::filesystem::path& state_dir, run::RunKind kind, const Json& target) {
    constexpr std::size_t k_looked_at = 20; // the user must not wait for this
    const auto folders = run::run_folders(state_dir);
    if (!folders) {
        return std::nullopt;
    }
    for (const auto& folder : *folders | std::views::reverse | std::views::take(k_looked_at)) {
        const Json run = run::document_of(folder);
        const auto seconds = number_in(run, "duration_s");
        const Json* asked = member(run, "target");
        const run::RunFacts facts = run::facts_of(folder, run);
        const bool same = facts.kind == kind && asked != nullptr &&
                          text_in(*asked, "base_url") == text_in(target, "base_url");
        // A run that ends with an ERROR is shorter than one that reaches its target.
        if (same && seconds && facts.ended == run::RunEnding::completed &&
            text_in(run, "verdict") != to_string(Verdict::error)) {
            return std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000));
        }
    }
    return std::nullopt;
}

} // namespace oa_stream::cli
