// Text for a terminal: the stage under way and what is left at the end.
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
/// limits (≤, or > where one is broken).
[[nodiscard]] std::string stage_line(const StageView& view, const ViewStyle& style);

/// Some lines for stdout: verdict, why, a row a stage, recovery. As wide as their content.
[[nodiscard]] std::string summary(const report::Report& report);

} // namespace oa_stream::playbook
