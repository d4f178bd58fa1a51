#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/lane_numbers.hpp"

#include "prometheus_calls.hpp"
#include "promql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ranges>

namespace oa_stream::measure {
namespace {

using prometheus::ResultType;
using telemetry::Kind;
using telemetry::Metric;
using telemetry::metric;

class Lanes {
public:
    Lanes(net::HttpClient& client, const PrometheusOptions& options)
        : options_(options), calls_(client, options) {}

    Task<Result<ScrapedLanes>> read(double window_s, double budget_window_s) {
        ScrapedLanes out;
        out.numbers.window_s = window_s;
        for (const Metric& row : telemetry::k_metrics) {
            if (row.kind == Kind::counter) {
                OA_CO_CHECK(co_await rose(&row, "", row.labels, window_s, &out.numbers.rose));
            }
        }
        OA_CO_CHECK(co_await rose(
            &metric("first_content_seconds"), "_bucket", "route,le", window_s, &out.numbers.rose
        ));
        for (const Metric* row : counters_of_turns()) {
            OA_CO_CHECK(co_await rose(row, "", row->labels, budget_window_s, &out.numbers.budget));
        }
        OA_CO_CHECK(co_await gauges(&out));
        co_return out;
    }

private:
    static std::vector<const Metric*> counters_of_turns() {
        std::vector<const Metric*> out{telemetry::requests_term().metric};
        for (const auto& term : telemetry::bad_terms(telemetry::default_bad())) {
            if (std::ranges::find(out, term.metric) == out.end()) {
                out.push_back(term.metric);
            }
        }
        return out;
    }
    [[nodiscard]] std::string selector(std::string_view name) const {
        return fmt::format("{}{{{}}}", name, options_.matchers);
    }
    /// Two Prometheuses behind one address count the same things: neither of them twice.
    static std::string once(std::string_view vector) {
        return fmt::format("{} ({})", prometheus::without_replicas(), vector);
    }

    /// Values that are not numbers are left out: missing.
    Task<Result<SeriesMap>> ask(std::string query, std::string name) {
        OA_CO_TRY(
            const prometheus::Answer answer,
            co_await calls_.instant(std::move(query), at_s_, ResultType::vector)
        );
        if (!answer.warnings.empty()) {
            co_return fail(
                Code::unreadable, "Prometheus warns: " + printable(answer.warnings.front(), 80)
            );
        }
        SeriesMap out;
        for (const prometheus::Series& series : answer.series) {
            if (!series.points.empty() && std::isfinite(series.points.front().value)) {
                out.emplace(SeriesId{name, series.labels}, series.points.front().value);
            }
        }
        co_return out;
    }
    Task<Result<void>> rose(
        const Metric* row, std::string ending, std::string_view by, double window_s, SeriesMap* into
    ) {
        const std::string name = std::string(row->name) + ending;
        const std::string each = once(prometheus::rise(selector(name), window_s));
        OA_CO_TRY(SeriesMap found, co_await ask(fmt::format("sum by ({}) ({})", by, each), name));
        into->merge(found);
        co_return Result<void>{};
    }
    Task<Result<void>> gauges(ScrapedLanes* out) {
        const std::string active(metric("active_streams").name);
        const std::string build(metric("build_info").name);
        OA_CO_TRY(
            out->numbers.now, co_await ask(fmt::format("sum({})", once(selector(active))), active)
        );
        // The oldest target speaks for the age: a dead one keeps a healthy-looking rate for long.
        OA_CO_TRY(
            const SeriesMap age,
            co_await ask(
                fmt::format("time() - min(max by (instance) (timestamp({})))", selector(active)), {}
            )
        );
        // Series of a target that is down vanish with its first failed scrape.
        OA_CO_TRY(
            const SeriesMap down,
            co_await ask(
                fmt::format(
                    "count({} == 0 and on (job, instance) max by (job, instance) "
                    "(last_over_time({}[10m])))",
                    once("up"),
                    selector(build)
                ),
                {}
            )
        );
        OA_CO_TRY(
            const SeriesMap builds,
            co_await ask(fmt::format("count by (revision) ({})", selector(build)), {})
        );
        for (const SeriesId& series : builds | std::views::keys) {
            out->revisions += out->revisions.empty() ? "" : ", ";
            out->revisions += series.label("revision");
        }
        out->down = down.empty() ? 0 : down.begin()->second;
        if (age.empty()) {
            co_return fail(Code::not_found, fmt::format("knows no lane: no {}", active));
        }
        out->age_s = age.begin()->second;
        co_return Result<void>{};
    }

    const PrometheusOptions& options_;
    prometheus::Calls calls_;
    double at_s_ =
        std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
};

} // namespace

Task<Result<ScrapedLanes>> scraped_lanes(
    net::HttpClient* client, PrometheusOptions options, double window_s, double budget_window_s
) {
    Lanes lanes(*client, options);
    auto out = co_await lanes.read(window_s, budget_window_s);
    co_return out;
}

} // namespace oa_stream::measure
