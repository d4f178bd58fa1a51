// A mark that a person set: nothing more is to be done about a run that left something undone.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::playbook {

/// In the run's folder, beside the sealed manifest.
inline constexpr std::string_view k_finished_file = "settled.json";

struct FinishedMark {
    std::string at;     ///< RFC 3339; what the run's journals say after it makes it void
    std::string who;    ///< "name on host"
    std::string how;    ///< "given up", or "brought back": its routes, by another run
    std::string reason; ///< secrets are blanked
    std::string after;  ///< the last time in the run's journals then; a clock may have gone back

    /// The journals, whose last time that is, say nothing that the mark did not know.
    [[nodiscard]] bool holds(std::string_view last_at) const {
        return at >= last_at || (!after.empty() && after == last_at);
    }
};

/// Durable before it returns. `last_at`: of the run's status. Code::io.
[[nodiscard]] Result<void> mark_finished(
    const std::filesystem::path& folder,
    std::string_view how,
    std::string_view reason,
    std::string_view last_at = {}
);
/// Nothing when there is no such mark, or it cannot be read.
[[nodiscard]] std::optional<FinishedMark> finished_mark(const std::filesystem::path& folder);

/// Code::precondition naming a run on `target`, or on one that cannot be read, that left something
/// undone, and what ends it: a cutover on top of a half-moved split would take that split for what
/// is to be restored.
/// Code::io when the runs cannot be listed.
[[nodiscard]] Result<void>
check_nothing_undone(const std::filesystem::path& state_dir, std::string_view target);

/// Code::conflict naming the run that works on `target` now: what serves meanwhile is neither what
/// was there before nor what stays. A look, not a lock.
[[nodiscard]] Result<void>
check_nothing_under_way(const std::filesystem::path& state_dir, std::string_view target);

} // namespace oa_stream::playbook
