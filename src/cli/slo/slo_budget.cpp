#include "slo_budget.hpp"

#include <utility>
#include <vector>

namespace oa_stream::cli {

Task<Result<measure::BudgetStatus>>
// NOLINTNEXTLINE(*-avoid-reference-coroutine-parameters): the caller awaits it at once
ask_budget(const Slo& slo, std::string revision, bool burns, SloDesk& desk) {
    std::vector<double> windows = measure::budget_windows(slo.budget.window_s);
    if (!burns) {
        windows.resize(1);
    }
    std::vector<measure::WindowReading> readings;
    for (const double window_s : windows) {
        measure::Question question = slo.question;
        question.revision = revision;
        OA_CO_TRY(auto reading, co_await desk.ask(std::move(question), window_s));
        readings.push_back({window_s, reading->reading});
    }
    co_return measure::budget_status(slo.budget, readings);
}

std::string budget_name(const Slo& slo, const std::string& revision) {
    return revision.empty() ? slo.budget.name : slo.budget.name + "@" + revision;
}

} // namespace oa_stream::cli
