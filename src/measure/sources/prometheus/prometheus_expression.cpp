// Questions in a user's PromQL: the results are used unchanged.
#include "oa_stream/measure/gate.hpp"

#include "prometheus_reader.hpp"

#include <algorithm>
#include <cmath>

namespace oa_stream::measure::prometheus {
namespace {

void fill_in(std::string& text, std::string_view placeholder, std::string_view value) {
    for (std::size_t at = text.find(placeholder); at != std::string::npos;
         at = text.find(placeholder, at + value.size())) {
        text.replace(at, placeholder.size(), value);
    }
}

} // namespace

Task<Result<void>>
PrometheusReader::expression_into(std::string_view side, std::string promql, double* into) {
    const std::string quoted = in_quotes(question_.revision);
    const std::string_view inner = std::string_view(quoted).substr(1, quoted.size() - 2);
    fill_in(promql, k_window_placeholder, duration_text(question_.window.seconds()));
    fill_in(promql, k_revision_placeholder, inner);
    remember(promql);
    OA_CO_TRY(const Answer answer, co_await calls_.instant(promql, at(), ResultType::vector));
    if (std::string why = untimely(answer, at()); !why.empty()) {
        miss(side, std::move(why));
        co_return Result<void>{};
    }
    const Reading reading = reading_of(answer);
    if (reading.state == Reading::State::value) {
        *into = reading.value;
    } else {
        miss(
            side,
            fmt::format(
                "{} ({}){}",
                reading.why,
                promql,
                reading.state == Reading::State::nothing ? "; 'or vector(0)' makes that a 0" : ""
            )
        );
    }
    co_return Result<void>{};
}

Task<Result<void>> PrometheusReader::expressions() {
    double events = 0;
    OA_CO_CHECK(co_await expression_into(
        question_.wants_value ? "expression" : "events", question_.promql, &events
    ));
    out_.newest_s = at();
    out_.covered_s = question_.window.seconds();
    if (!missing_.empty()) {
        co_return Result<void>{};
    }
    if (question_.wants_value) {
        out_.tally.value = events;
        co_return Result<void>{};
    }
    auto all = static_cast<double>(out_.tally.requests.total);
    if (!question_.promql_of.empty()) {
        OA_CO_CHECK(co_await expression_into("requests", question_.promql_of, &all));
    }
    if (missing_.empty() && (events < 0 || all < 0 || events > all + 1 || all > 1e15)) {
        miss("events", fmt::format("{:g} events among {:g} requests cannot be", events, all));
    }
    if (!missing_.empty()) {
        co_return Result<void>{};
    }
    const double least = std::ceil(events - 1e-6);
    out_.tally.requests = {
        static_cast<std::uint64_t>(least),
        static_cast<std::uint64_t>(std::max(std::ceil(all - 1e-6), least))
    };
    out_.count_error = events == std::floor(events) ? 0 : 1;
    co_return Result<void>{};
}

} // namespace oa_stream::measure::prometheus
