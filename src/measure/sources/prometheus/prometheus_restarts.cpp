// What a window's numbers lack because a process began again within it.
#include "oa_stream/base/text.hpp"

#include "prometheus_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

namespace oa_stream::measure::prometheus {
namespace {

constexpr std::size_t k_most_named = 3;
constexpr double k_most_looks = 2880; ///< at what ran, over the window

using Process = std::array<std::string, 3>;

Process process_of(const Series& series) {
    return {
        std::string(series.label("job")),
        std::string(series.label("instance")),
        std::string(series.label("id")),
    };
}

} // namespace

Task<Result<void>> Reader::restarts() {
    if (!queries_.sees_first_events()) {
        co_return Result<void>{};
    }
    OA_CO_TRY(
        const Answer again, co_await ask("targets", queries_.restarted(), ResultType::vector)
    );
    if (again.series.empty() || !missing_.empty()) {
        co_return Result<void>{};
    }
    restarted_ = true;
    for (std::size_t i = 0; i < std::min(again.series.size(), k_most_named); ++i) {
        out_.notes.push_back(fmt::format(
            "the lane at {} restarted between two scrapes: what it counted after the earlier one "
            "is "
            "in no number",
            printable(again.series[i].label("instance"), 120)
        ));
    }
    if (again.series.size() > k_most_named) {
        out_.notes.push_back(fmt::format("so did {} more", again.series.size() - k_most_named));
    }
    OA_CO_CHECK(co_await ended_uncounted());
    co_return Result<void>{};
}

Task<Result<void>> Reader::ended_uncounted() {
    // Twice a scrape: the last one of a process is seen even when the next comes early.
    const double step_s =
        std::max(scraping_.interval_s / 2, question_.window.seconds() / k_most_looks);
    OA_CO_TRY(
        const Answer ran, co_await ask("targets", queries_.ran_last(step_s), ResultType::vector)
    );
    OA_CO_TRY(
        const Answer now, co_await ask("targets", queries_.processes_now(), ResultType::vector)
    );
    std::set<Process> alive;
    for (const Series& series : now.series) {
        alive.insert(process_of(series));
    }
    double uncounted = 0;
    for (const Series& series : ran.series) {
        const double turns = series.points.back().value;
        // One that lives and ended more than began there has gone on with turns of the ended ones.
        uncounted +=
            alive.contains(process_of(series)) ? std::min(turns, 0.0) : std::max(turns, 0.0);
    }
    if (missing_.empty() && uncounted > 0) {
        out_.unread += std::ceil(uncounted);
        out_.notes.push_back(fmt::format(
            "up to {:g} turns ended uncounted with their lane: they ran at its last scrape",
            std::ceil(uncounted)
        ));
    }
    co_return Result<void>{};
}

Task<Result<double>> Reader::hidden_by(std::string_view side, std::string query) {
    if (!restarted_ || !missing_.empty()) {
        co_return 0.0;
    }
    OA_CO_TRY(const auto hidden, co_await number(side, std::move(query)));
    co_return hidden.value_or(0);
}

} // namespace oa_stream::measure::prometheus
