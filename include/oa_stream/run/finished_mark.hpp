// A mark that a person set: nothing more is to be done about a run that left something undone.
#pragma once

#include "oa_stream/base/error.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace oa_stream::run {

struct FinishedMark {
    std::string at;     ///< RFC 3339
    std::string who;    ///< "name on host"
    std::string how;    ///< "given up", or "brought back": its routes, by another run
    std::string reason; ///< secrets are blanked
};

/// Durable before it returns. Code::io.
[[nodiscard]] Result<void> mark_finished(
    const std::filesystem::path& folder,
    std::string_view who,
    std::string_view how,
    std::string_view reason
);
/// Nothing when there is no such mark, it cannot be read, or the run's journals say something after
/// it: somebody took the run up again.
[[nodiscard]] std::optional<FinishedMark> finished_mark(const std::filesystem::path& folder);

} // namespace oa_stream::run
