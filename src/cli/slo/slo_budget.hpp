// Queries error budgets, window by window.
#pragma once

#include "oa_stream/measure/budget.hpp"

#include "slo_args.hpp"
#include "slo_run.hpp"

#include <string>

namespace oa_stream::cli {

/// Queries all windows of the slo for one revision ("": all together); `burns`: including those of
/// the burn rates. An error when one of them could not be queried. Slo and desk must outlive the
/// coroutine.
[[nodiscard]] Task<Result<measure::BudgetStatus>>
ask_budget(const Slo& slo, std::string revision, bool burns, SloDesk& desk);

/// "stream-good", "stream-good@r2"
[[nodiscard]] std::string budget_name(const Slo& slo, const std::string& revision);

} // namespace oa_stream::cli
