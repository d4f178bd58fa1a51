// Text for a terminal: the current stage and the final summary.
#pragma once

#include "oa_stream/playbook/runner.hpp"

#include <string>
#include <string_view>

namespace oa_stream::playbook {

struct ViewStyle {
    int width = 80; ///< columns
    bool colour = false;
};

/// One line of fewer than `width` columns: stage, percent shifted, time left, samples, rates and
/// limits (≤, or > where a limit is exceeded).
[[nodiscard]] std::string stage_line(const StageView& view, const ViewStyle& style);

/// Lines for stdout: verdict, reason, a row per stage, recovery. As wide as their content.
[[nodiscard]] std::string summary(const report::Report& report);

} // namespace oa_stream::playbook
