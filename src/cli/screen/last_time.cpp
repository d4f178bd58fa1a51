#include "last_time.hpp"

#include "oa_stream/base/json_members.hpp"
#include "oa_stream/run/runs.hpp"

#include <ranges>

namespace oa_stream::cli {

std::optional<std::chrono::milliseconds>
last_time(const std::filesystem::path& state_dir, run::RunKind kind, const Json& target) {
    constexpr std::size_t k_looked_at = 20; // the reader must not wait for this
    const auto folders = run::run_folders(state_dir);
    if (!folders) {
        return std::nullopt;
    }
    for (const auto& folder : *folders | std::views::reverse | std::views::take(k_looked_at)) {
        const Json run = run::document_in(folder / "run.json");
        const auto seconds = number_in(run, "duration_s");
        const Json* asked = member(run, "target");
        const bool same = text_in(run, "kind") == to_string(kind) && asked != nullptr &&
                          text_in(*asked, "base_url") == text_in(target, "base_url");
        // An ERROR ends sooner than what reaches its target.
        if (same && seconds && text_in(run, "ended") == "completed" &&
            text_in(run, "verdict") != "ERROR") {
            return std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000));
        }
    }
    return std::nullopt;
}

} // namespace oa_stream::cli
