// The rise of counters and buckets.
#include "oa_stream/telemetry/classes.hpp"
#include "oa_stream/telemetry/from_start.hpp"

#include "prometheus_reader.hpp"
#include "prometheus_terms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace oa_stream::measure::prometheus {
namespace {

constexpr std::uint64_t k_least_to_clump = 2; ///< bad ones
/// With fewer scrapes, increase() extrapolates more than it counts.
constexpr double k_scrapes_a_block = 4;
constexpr std::size_t k_least_blocks = 5;
constexpr double k_rounding = 0.5; ///< of a count that is not whole

/// increase() makes no event from none, and shows at least the events that it saw.
std::uint64_t whole(double events) {
    return events > 0 ? std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(events)))
                      : 0;
}

} // namespace

Task<Result<ByTarget>> PrometheusReader::by_target(std::string side, std::string query) {
    OA_CO_TRY(const Answer answer, co_await ask(side, std::move(query), ResultType::vector));
    ByTarget out;
    for (const Series& series : answer.series) {
        out[{std::string(series.label("job")), std::string(series.label("instance"))}] +=
            series.points.back().value;
    }
    co_return out;
}

Task<Result<void>> PrometheusReader::settle(double bad, double all, std::vector<Part> parts) {
    const std::uint64_t total = whole(all);
    out_.tally.requests = {std::min(whole(bad), total), total};
    out_.edge_error = edge_error(all, scraping_.interval_s, out_.covered_s);
    // Whole numbers were counted exactly; fractions come from increase()'s extrapolation.
    if (!missing_.empty() || (bad == std::floor(bad) && all == std::floor(all))) {
        co_return Result<void>{};
    }
    ByTarget events;
    for (Part& part : parts) {
        OA_CO_TRY(const ByTarget rose, co_await by_target(part.side, std::move(part.query)));
        for (const auto& [target, count] : rose) {
            events[target] += part.sign * count;
        }
    }
    OA_CO_TRY(const ByTarget scrapes, co_await by_target("scrapes", queries_.scrapes_of_each()));
    out_.count_error = std::max(k_rounding, fill_error(events, scrapes));
    co_return Result<void>{};
}

Task<Result<std::optional<double>>> PrometheusReader::rise_of(telemetry::Term term) {
    OA_CO_TRY(const auto rose, co_await number(term.word, queries_.rise_of(term)));
    if (rose || !missing_.empty()) {
        co_return rose;
    }
    if (term.optional) {
        out_.notes.push_back(fmt::format("no series of {}: they count twice", term.word));
        co_return std::nullopt;
    }
    // A lane has all of these series from its start, on the routes that carry turns.
    if (telemetry::from_start(term).size() == 0) {
        OA_CO_TRY(const auto others, co_await number(term.word, queries_.rise_of(family_of(term))));
        if (others) {
            out_.notes.push_back(fmt::format(
                "no series of {} beside living ones of {}: none was counted",
                term.word,
                term.metric->name
            ));
            co_return 0.0;
        }
    }
    if (missing_.empty()) {
        miss(term.word, "no series match: was a label renamed or a series dropped?");
    }
    co_return std::nullopt;
}

Task<Result<void>> PrometheusReader::undated(telemetry::Term term) {
    if (term.subtract || !queries_.sees_first_events()) {
        co_return Result<void>{};
    }
    OA_CO_TRY(const auto had, co_await number(term.word, queries_.had_at_first_sight(term)));
    OA_CO_TRY(const double hidden, co_await hidden_by(term));
    at_first_sight_ += had.value_or(0);
    hidden_bad_ += hidden;
    out_.may_have_missed += had.value_or(0) + hidden;
    co_return Result<void>{};
}

Task<Result<void>> PrometheusReader::counts() {
    const auto requests = telemetry::requests_term(question_.routes);
    OA_CO_TRY(const auto all, co_await number(requests.word, queries_.rise_of(requests)));
    if (missing_.empty() && !all) {
        // A lane exports this series at 0 from its start, so without it there is not even a lane.
        miss(requests.word, "no series match, which is not the same as no traffic");
    }
    OA_CO_TRY(out_.requests_missed, co_await hidden_by(requests));
    double bad = 0;
    std::vector<Part> parts;
    for (const telemetry::Term& term : counted_terms(question_)) {
        if (!missing_.empty()) {
            break;
        }
        OA_CO_TRY(const auto some, co_await rise_of(term));
        if (missing_.empty()) {
            OA_CO_CHECK(co_await undated(term));
        }
        if (term.labels.empty()) {
            out_.notes.push_back(fmt::format("{} counts those of all routes", term.word));
        }
        const double sign = term.subtract ? -1 : 1;
        bad += sign * some.value_or(0);
        parts.push_back({std::string(term.word), queries_.rise_of(term, k_by_target), sign});
    }
    OA_CO_CHECK(co_await settle(bad, all.value_or(0), std::move(parts)));
    if (missing_.empty()) {
        OA_CO_CHECK(co_await blocks());
    }
    co_return Result<void>{};
}

Task<Result<void>>
PrometheusReader::add_to_blocks(telemetry::Term term, double step_s, std::vector<double>* into) {
    const Span steps{question_.window.from_s + step_s, at()};
    const std::string query = queries_.by_step(term, step_s);
    remember(query);
    OA_CO_TRY(Answer answer, co_await calls_.range(query, steps, step_s));
    if (!answer.warnings.empty()) {
        miss(term.word, "Prometheus warns: " + answer.warnings.front());
    }
    for (const Series& series : answer.series) {
        for (const Point& point : series.points) {
            const double at_step = std::round((point.at_s - steps.from_s) / step_s);
            if (at_step >= 0 && at_step < static_cast<double>(into->size()) && point.value > 0) {
                (*into)[static_cast<std::size_t>(at_step)] +=
                    (term.subtract ? -1 : 1) * point.value;
            }
        }
    }
    co_return Result<void>{};
}

Task<Result<void>> PrometheusReader::blocks() {
    const double window = question_.window.seconds();
    const double most = std::floor(window / (k_scrapes_a_block * scraping_.interval_s));
    const auto count = static_cast<std::size_t>(std::min<double>(k_blocks, most));
    if (out_.tally.requests.bad < k_least_to_clump || count < k_least_blocks ||
        !queries_.sees_first_events()) {
        co_return Result<void>{};
    }
    const double step_s = window / static_cast<double>(count);
    std::vector<double> all(count);
    std::vector<double> bad(count);
    OA_CO_CHECK(co_await add_to_blocks(telemetry::requests_term(question_.routes), step_s, &all));
    for (const telemetry::Term& term : counted_terms(question_)) {
        if (missing_.empty()) {
            OA_CO_CHECK(co_await add_to_blocks(term, step_s, &bad));
        }
    }
    for (std::size_t i = 0; i < count && missing_.empty(); ++i) {
        const auto total = static_cast<std::uint64_t>(std::llround(std::max(0.0, all[i])));
        const auto some = static_cast<std::uint64_t>(std::llround(std::max(0.0, bad[i])));
        out_.tally.blocks.push_back({std::min(some, total), total});
    }
    co_return Result<void>{};
}

Task<Result<void>> PrometheusReader::slow_ones() {
    const auto& buckets = out_.tally.buckets;
    const double limit = question_.slower_than_s.value_or(0);
    const auto bound = std::ranges::find(buckets, limit, &Bucket::le);
    if (bound == buckets.end()) {
        co_return fail(
            Code::config,
            fmt::format("Prometheus' histogram of the first content has no bound at {:g} s", limit),
            options_.url,
            "2.5 s is one"
        );
    }
    const double all = buckets.back().count;
    const auto part = [&](const std::string& le, double sign) {
        return Part{"first content", queries_.times(k_by_target, le), sign};
    };
    std::vector<Part> parts;
    parts.push_back(part(matcher({"le", {"+Inf"}}), 1));
    parts.push_back(part(bound_matcher(fmt::format("{:g}", limit)), -1));
    co_return co_await settle(all - bound->count, all, std::move(parts));
}

/// The lane's histogram only contains turns with content. The counters do not show which of the
/// failed turns waited in vain until a time limit, so their number is stated as an uncertainty.
Task<Result<void>> PrometheusReader::late_ones() {
    const auto term = telemetry::late_term(question_.routes);
    OA_CO_TRY(const auto late, co_await number(term.word, queries_.rise_of(term)));
    if (missing_.empty() && !late) {
        no_times(term.word, "no series match: was a label renamed or a series dropped?");
    }
    late_ = static_cast<double>(whole(late.value_or(0)));
    out_.time_error = late_;
    OA_CO_TRY(out_.times_missed, co_await hidden_times());
    if (question_.slower_than_s) { // only requests with a time count, and each of these may be slow
        out_.requests_missed = out_.times_missed;
        out_.may_have_missed += out_.times_missed;
        hidden_bad_ += out_.times_missed;
    }
    co_return Result<void>{};
}

/// Uses the durations of whole turns if all lanes of the window export them.
Task<Result<void>> PrometheusReader::choose_durations() {
    OA_CO_TRY(const auto whole, co_await number("duration", queries_.has_whole_turns()));
    has_whole_turns_ = whole.has_value();
    if (has_whole_turns_) {
        queries_.take_whole_turns();
    }
    co_return Result<void>{};
}

/// The histogram of all requests also contains those that were not turns.
Task<Result<void>> PrometheusReader::other_ones() {
    double others = 0;
    for (const telemetry::Term& term : telemetry::other_terms(question_.routes)) {
        OA_CO_TRY(const auto rose, co_await number(term.word, queries_.rise_of(term)));
        if (!missing_.empty()) {
            co_return Result<void>{};
        }
        others += term.subtract ? -rose.value_or(0) : rose.value_or(0);
    }
    out_.other_times = std::max(0.0, std::round(others));
    if (out_.other_times > 0) {
        out_.notes.push_back(fmt::format(
            "not every lane and route of the window has turn_duration_seconds, and "
            "http_request_duration_seconds also has the times of {:g} resumes, refused and failed "
            "requests",
            out_.other_times
        ));
    }
    co_return Result<void>{};
}

void PrometheusReader::no_times(std::string_view side, std::string why) {
    if (question_.slower_than_s) {
        miss(side, std::move(why));
        return;
    }
    out_.notes.push_back(fmt::format("{}: {}, so no times are known", side, why));
    out_.tally.buckets.clear();
}

Task<Result<void>> PrometheusReader::times() {
    if (question_.timing != Timing::first_content && question_.timing != Timing::duration) {
        co_return Result<void>{}; // no metric measures it
    }
    const std::string_view side =
        question_.timing == Timing::duration ? "duration" : "first content";
    if (question_.timing == Timing::duration) {
        OA_CO_CHECK(co_await choose_durations());
    }
    const std::string query = queries_.times(" by (le)");
    OA_CO_TRY(Answer answer, co_await ask(side, query, ResultType::vector));
    if (!missing_.empty()) {
        co_return Result<void>{};
    }
    answer = merge_replicas(std::move(answer), k_replica_labels);
    if (!answer.warnings.empty()) {
        miss(side, "Prometheus warns: " + answer.warnings.front());
        co_return Result<void>{};
    }
    if (std::ranges::any_of(answer.series, [](const Series& series) {
            return !std::isfinite(series.points.back().value);
        })) {
        miss(side, fmt::format("a bucket is not a number ({})", query));
        co_return Result<void>{};
    }
    OA_CO_TRY(out_.tally.buckets, buckets_of(answer));
    auto& buckets = out_.tally.buckets;
    if (buckets.empty() && question_.slower_than_s) {
        miss(side, fmt::format("no buckets match ({})", query));
    }
    if (!buckets.empty() && buckets.back().le != std::numeric_limits<double>::infinity()) {
        miss(side, fmt::format("no bucket up to +Inf ({})", query));
    }
    if (missing_.empty() && !buckets.empty()) {
        OA_CO_TRY(const std::string lack, co_await without_times());
        if (!lack.empty() && missing_.empty()) {
            no_times(side, lack);
        }
    }
    if (missing_.empty() && question_.slower_than_s) {
        OA_CO_CHECK(co_await slow_ones());
    }
    if (missing_.empty() && question_.timing == Timing::duration && !has_whole_turns_ &&
        !buckets.empty()) {
        OA_CO_CHECK(co_await other_ones());
    }
    if (missing_.empty() && !buckets.empty()) {
        OA_CO_CHECK(co_await late_ones());
    }
    co_return Result<void>{};
}

} // namespace oa_stream::measure::prometheus
