// Error budgets, asked for window by window.
#pragma once

#include "oa_stream/measure/budget.hpp"

#include "slo_args.hpp"
#include "slo_run.hpp"

#include <string>

namespace oa_stream::cli {

/// All windows of the slo for one revision ("": all together); `burns`: those of the burn rates,
/// too. An error when one of them could not be asked. Both outlive the coroutine.
[[nodiscard]] Task<Result<measure::BudgetStatus>>
ask_budget(const Slo& slo, std::string revision, bool burns, SloDesk& desk);

/// "stream-good", "stream-good@r2"
[[nodiscard]] std::string budget_name(const Slo& slo, const std::string& revision);

} // namespace oa_stream::cli
