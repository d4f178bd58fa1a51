// Determines which targets were scraped, how much of the window is covered, and how exact the
// counts are.
#include "prometheus_reader.hpp"

#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/text.hpp"

#include "prometheus_twice.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace oa_stream::measure::prometheus {
namespace {

constexpr double k_least_look_s = 300; ///< back, to find the scrape interval
constexpr double k_most_steps = 10'000; ///< the API returns at most 11,000 points per series
constexpr double k_least_step_s = 60;
constexpr double k_most_events = 1e15;

} // namespace

Task<Result<SourceReading>> PrometheusReader::run() {
    out_.source = "prometheus " + options_.url;
    out_.counts_probes = options_.include_probes;
    if (question_.wants_value || !question_.promql_of.empty()) {
        // Of another service's series: lane series need not exist.
        OA_CO_CHECK(co_await expressions());
        conclude();
        co_return std::move(out_);
    }
    OA_CO_CHECK(co_await look());
    if (missing_.empty()) {
        OA_CO_CHECK(co_await coverage());
    }
    if (missing_.empty() && !question_.slower_than_s) {
        OA_CO_CHECK(co_await complete());
    }
    if (missing_.empty() && !question_.slower_than_s) {
        OA_CO_CHECK(co_await counts());
    }
    if (missing_.empty() && !question_.promql.empty()) {
        OA_CO_CHECK(co_await expressions());
    } else if (missing_.empty()) {
        OA_CO_CHECK(co_await times());
    }
    conclude();
    co_return std::move(out_);
}

Task<Result<Answer>>
PrometheusReader::ask(std::string_view side, std::string query, ResultType type) {
    remember(query);
    OA_CO_TRY(Answer answer, co_await calls_.instant(std::move(query), at(), type));
    std::string why = untimely(answer, at());
    if (!answer.warnings.empty()) {
        why = "Prometheus warns: " + answer.warnings.front();
    }
    if (!why.empty() && missing_.empty()) {
        miss(side, std::move(why));
    }
    co_return answer;
}

Task<Result<void>> PrometheusReader::look() {
    const double window = question_.window.seconds();
    const double back =
        std::max(std::clamp(window, k_least_look_s, k_most_look_s), 2 * options_.stale_after_s);
    const std::string whose =
        question_.revision.empty() ? "any revision" : "revision " + question_.revision;
    OA_CO_TRY(
        const Answer scrapes, co_await ask(whose, queries_.scrapes(back), ResultType::matrix)
    );
    // Immediately: a balancer sends the next request to another server.
    OA_CO_TRY(
        const Answer same, co_await calls_.instant(queries_.scrapes(back), at(), ResultType::matrix)
    );
    OA_CO_TRY(const Answer up, co_await ask(whose, queries_.up(), ResultType::vector));
    if (!missing_.empty()) {
        co_return Result<void>{};
    }
    if (!same_scrapes(scrapes, same)) {
        miss(
            whose,
            "several Prometheus servers answer in turn, each with scrapes of its own: ask one of "
            "them, or let the balancer keep a client at one (session affinity)"
        );
        co_return Result<void>{};
    }
    scraping_ = scraping_of(
        scrapes,
        up,
        {.window = question_.window,
         .looked = {at() - back, at()},
         .stale_after_s = options_.stale_after_s,
         .whose = whose}
    );
    out_.newest_s = scraping_.newest_s;
    out_.notes = scraping_.notes;
    missing_ = scraping_.missing;
    if (missing_.empty()) {
        OA_CO_CHECK(co_await tell_apart(whose));
    }
    if (missing_.empty()) {
        OA_CO_CHECK(co_await each_once(whose));
    }
    if (missing_.empty()) {
        if (std::string why = named_alike(scrapes, up, options_.matchers); !why.empty()) {
            miss(whose, std::move(why));
        }
    }
    if (missing_.empty()) {
        OA_CO_CHECK(co_await out_of_sight());
    }
    if (missing_.empty()) {
        OA_CO_CHECK(co_await restarts());
    }
    if (missing_.empty()) {
        OA_CO_CHECK(co_await name_never_seen());
    }
    co_return Result<void>{};
}

/// A target that was never scraped has no revision and no series. It is named, because users may
/// reach it.
Task<Result<void>> PrometheusReader::name_never_seen() {
    OA_CO_TRY(
        const Answer never, co_await ask("targets", queries_.never_seen(), ResultType::vector)
    );
    for (const Series& series : never.series) {
        out_.notes.push_back(fmt::format(
            "{} is down and was not a lane within a day: if it is one, what its users get is in no "
            "number",
            printable(series.label("instance"), 120)
        ));
    }
    co_return Result<void>{};
}

/// Counters of several processes, or of several revisions, in one series are meaningless.
Task<Result<void>> PrometheusReader::tell_apart(std::string whose) {
    OA_CO_TRY(
        const Answer mixed, co_await ask(whose, queries_.mixed_targets(), ResultType::vector)
    );
    if (missing_.empty() && !mixed.series.empty()) {
        miss(
            whose,
            fmt::format(
                "several processes answer at {} in turn, and their counters cannot be separated: "
                "scrape each by itself",
                printable(mixed.series.front().label("instance"), 120)
            )
        );
    }
    const std::string shared = queries_.shared_targets();
    if (!missing_.empty() || shared.empty()) {
        co_return Result<void>{};
    }
    OA_CO_TRY(const Answer both, co_await ask(whose, shared, ResultType::vector));
    if (!missing_.empty()) {
        co_return Result<void>{};
    }
    if (!both.series.empty()) {
        miss(
            whose,
            fmt::format(
                "{} also carried another revision in this window, and its counters do not "
                "distinguish them: ask for a shorter window, or configure a label of the revision",
                printable(both.series.front().label("instance"), 120)
            )
        );
    }
    co_return Result<void>{};
}

Task<Result<void>> PrometheusReader::each_once(std::string whose) {
    // Events between two steps do not matter to a gate.
    constexpr double k_most_steps_compared = 1000;
    const double step =
        std::max(2 * scraping_.interval_s, question_.window.seconds() / k_most_steps_compared);
    TwiceAsked asked{
        .now = queries_.scraped_twice(),
        .by_step = queries_.scraped_twice_by_step(step),
        .window = question_.window,
        .step_s = step,
        .matchers = options_.matchers,
    };
    remember(asked.now);
    remember(asked.by_step);
    OA_CO_TRY(const ScrapedTwice twice, co_await find_scraped_twice(&calls_, std::move(asked)));
    if (!twice.why.empty()) {
        miss(whose, twice.why);
    }
    co_return Result<void>{};
}

Task<Result<void>> PrometheusReader::coverage() {
    const double window = question_.window.seconds();
    out_.covered_s = scraping_.covered_s;
    if (window <= k_most_look_s) { // all of its scrapes were read
        co_return Result<void>{};
    }
    const double step =
        std::max({window / k_most_steps, k_least_step_s, std::ceil(2 * scraping_.interval_s)});
    const Span steps{std::min(question_.window.from_s + step, at()), at()};
    const std::string query = queries_.scraped_by_step(step);
    remember(query);
    OA_CO_TRY(const Answer answer, co_await calls_.range(query, steps, step));
    if (!answer.warnings.empty()) {
        miss("coverage", "Prometheus warns: " + answer.warnings.front());
    }
    out_.covered_s = covered_by_steps(answer, step, scraping_.interval_s, window);
    co_return Result<void>{};
}

Task<Result<std::optional<double>>>
PrometheusReader::number(std::string_view side, std::string query) {
    using State = Reading::State;
    OA_CO_TRY(Answer answer, co_await ask(side, query, ResultType::vector));
    if (!missing_.empty()) {
        co_return std::nullopt;
    }
    const auto reading = reading_of(merge_replicas(std::move(answer), k_replica_labels));
    if (reading.state == State::nothing) {
        co_return std::nullopt;
    }
    if (reading.state != State::value) {
        miss(side, fmt::format("{} ({})", reading.why, query));
        co_return std::nullopt;
    }
    if (reading.value < 0 || reading.value > k_most_events) {
        co_return fail(
            Code::protocol,
            fmt::format("Prometheus counts {:g} {}, which no counter does", reading.value, side),
            options_.url
        );
    }
    co_return reading.value;
}

void PrometheusReader::conclude() {
    if (!missing_.empty()) {
        out_.why = fmt::format("{} (at {})", missing_, rfc3339_millis(wall_time(at())));
        out_.tally = {};
        out_.count_error = out_.edge_error = out_.time_error = out_.may_have_missed = 0;
        out_.unread = out_.requests_missed = out_.times_missed = out_.other_times = 0;
        out_.uncovered = {};
        return;
    }
    out_.state = SourceReading::State::measured;
    if (unseen_s_ > 0) {
        // At the mean rate per lane, over the time in which lanes were scraped.
        const double lanes_s =
            static_cast<double>(scraping_.intervals.size()) * question_.window.seconds();
        const double seen_s = std::max({out_.covered_s, lanes_s - unseen_s_, 1.0});
        const auto all = static_cast<double>(out_.tally.requests.total);
        out_.uncovered_requests = std::ceil(all * unseen_s_ / seen_s);
    }
    if (scraping_.interval_s <= 0) {
        return; // only expressions were requested
    }
    out_.notes.push_back(fmt::format(
        "scraped every {:g} s: about {:.0f} requests next to the window's ends may be in or out",
        scraping_.interval_s,
        std::ceil(out_.edge_error)
    ));
    if (out_.count_error > 0) {
        out_.notes.push_back(fmt::format(
            "increase() extrapolates between scrapes: each count is right to ±{:.1f}{}",
            out_.count_error,
            restarts_ ? ", but for what restarts hide" : ""
        ));
    }
    if (!queries_.sees_first_events()) {
        out_.notes.emplace_back(
            "over so long a window, counts made before a process's first scrape are missing"
        );
    }
    if (at_first_sight_ > 0) {
        out_.notes.push_back(fmt::format(
            "series that are new in the window had {:g} bad events at their first scrape, and no"
            " process_start_time_seconds shows whether those are of the window: they may be missed",
            at_first_sight_
        ));
    }
    if (hidden_bad_ > 0 || out_.requests_missed > 0 || out_.times_missed > 0) {
        out_.notes.push_back(fmt::format(
            "counters that did not fall at a restart may hide {:g} bad events, {:g} requests and "
            "{:g} times",
            hidden_bad_,
            out_.requests_missed,
            out_.times_missed
        ));
    }
    if (late_ > 0) {
        out_.notes.push_back(fmt::format(
            "{:g} turns ended as {}: each may have run into a time limit before any content",
            late_,
            fmt::join(telemetry::late_term().labels.front().values, " or ")
        ));
    }
    if (question_.slower_than_s) { // none of them is counted, and each may be bad
        out_.may_have_missed += out_.time_error;
    }
}

} // namespace oa_stream::measure::prometheus
