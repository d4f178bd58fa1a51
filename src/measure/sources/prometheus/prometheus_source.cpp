#include "oa_stream/measure/prometheus_source.hpp"

#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/matchers.hpp"

#include "prometheus_calls.hpp"
#include "prometheus_queries.hpp"
#include "prometheus_targets.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

namespace oa_stream::measure {
namespace {

using prometheus::Answer;
using prometheus::ResultType;

constexpr double k_least_look_s = 300; ///< back for scrapes: enough to see the interval
constexpr double k_most_look_s = 600;
constexpr double k_most_steps = 10'000; ///< the API answers 11,000 points a series
constexpr double k_least_step_s = 60;
constexpr double k_most_events = 1e15;

/// One question on its way.
class Reader {
public:
    Reader(net::HttpClient& client, const PrometheusOptions& options, const Question& question)
        : options_(options), question_(question), calls_(client, options),
          queries_(options, question) {}

    [[nodiscard]] Task<Result<SourceReading>> run() {
        out_.source = "prometheus " + options_.url;
        OA_CO_CHECK(co_await look());
        if (missing_.empty()) {
            OA_CO_CHECK(co_await coverage());
        }
        if (missing_.empty() && !question_.slower_than_s) {
            OA_CO_CHECK(co_await counts());
        }
        if (missing_.empty()) {
            OA_CO_CHECK(co_await times());
        }
        conclude();
        co_return std::move(out_);
    }

private:
    [[nodiscard]] double at() const { return question_.window.to_s; }
    void miss(std::string_view side, std::string why) {
        missing_ = fmt::format("{}: {}", side, why);
    }

    /// The answer at the window's end; one of another time is missing, too.
    Task<Result<Answer>> ask(std::string_view side, std::string query, ResultType type);
    Task<Result<void>> look();
    Task<Result<void>> coverage();
    Task<Result<void>> counts();
    Task<Result<void>> times();
    Task<Result<void>> late_ones();
    /// The sum's number; nullopt for the empty vector; what is neither is missing.
    Task<Result<std::optional<double>>> number(std::string_view side, std::string query);
    void remember(const std::string& query) {
        out_.query += (out_.query.empty() ? "" : "\n") + query;
    }
    Result<void> slow_ones();
    void settle(double bad, double all);
    void conclude();

    const PrometheusOptions& options_;
    const Question& question_;
    prometheus::Calls calls_;
    prometheus::Queries queries_;
    prometheus::Scraping scraping_;
    SourceReading out_;
    std::string missing_;
};

Task<Result<Answer>> Reader::ask(std::string_view side, std::string query, ResultType type) {
    remember(query);
    OA_CO_TRY(Answer answer, co_await calls_.instant(std::move(query), at(), type));
    if (std::string why = untimely(answer, at()); !why.empty() && missing_.empty()) {
        miss(side, std::move(why));
    }
    co_return answer;
}

Task<Result<void>> Reader::look() {
    const double window = question_.window.seconds();
    const double back =
        std::max(std::clamp(window, k_least_look_s, k_most_look_s), 2 * options_.stale_after_s);
    const std::string whose =
        question_.revision.empty() ? "any revision" : "revision " + question_.revision;
    OA_CO_TRY(
        const Answer scrapes, co_await ask(whose, queries_.scrapes(back), ResultType::matrix)
    );
    OA_CO_TRY(const Answer up, co_await ask(whose, queries_.up(), ResultType::vector));
    if (!missing_.empty()) {
        co_return Result<void>{};
    }
    scraping_ = prometheus::scraping_of(
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
    const std::string shared = queries_.shared_targets();
    if (!missing_.empty() || shared.empty()) {
        co_return Result<void>{};
    }
    OA_CO_TRY(const Answer both, co_await ask(whose, shared, ResultType::vector));
    if (!missing_.empty()) {
        co_return Result<void>{};
    }
    if (!both.warnings.empty()) {
        miss(whose, "Prometheus warns: " + both.warnings.front());
    } else if (!both.series.empty()) {
        miss(
            whose,
            fmt::format(
                "{} carried another revision too in this window, and its counters do not say which:"
                " ask for a shorter window, or configure a label of the revision",
                printable(both.series.front().label("instance"), 120)
            )
        );
    }
    co_return Result<void>{};
}

Task<Result<void>> Reader::coverage() {
    const double window = question_.window.seconds();
    out_.covered_s = scraping_.covered_s;
    if (window <= k_most_look_s) { // its scrapes are all here
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
    out_.covered_s = prometheus::covered_by_steps(answer, step, scraping_.interval_s, window);
    co_return Result<void>{};
}

Task<Result<std::optional<double>>> Reader::number(std::string_view side, std::string query) {
    using State = prometheus::Reading::State;
    OA_CO_TRY(Answer answer, co_await ask(side, query, ResultType::vector));
    if (!missing_.empty()) {
        co_return std::nullopt;
    }
    const auto reading =
        reading_of(merge_replicas(std::move(answer), prometheus::k_replica_labels));
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

/// increase() makes up no event where none was, and shows at least what it saw.
std::uint64_t whole(double events) {
    return events > 0 ? std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(events)))
                      : 0;
}

void Reader::settle(double bad, double all) {
    const std::uint64_t total = whole(all);
    const double interval = scraping_.interval_s;
    out_.tally.requests = {std::min(whole(bad), total), total};
    out_.edge_error = prometheus::edge_error(all, interval, out_.covered_s);
    // Whole numbers were seen; others are increase()'s.
    const bool seen = bad == std::floor(bad) && all == std::floor(all);
    out_.count_error = seen ? 0 : prometheus::fill_error(bad, interval, out_.covered_s);
}

Task<Result<void>> Reader::counts() {
    const auto requests = telemetry::requests_term(question_.routes);
    OA_CO_TRY(const auto all, co_await number(requests.word, queries_.rise_of(requests)));
    if (missing_.empty() && !all) {
        // The lane has its series at 0 from the start, so there is not even a lane.
        miss(requests.word, "no series match, which is not the same as no traffic");
    }
    double bad = 0;
    for (const telemetry::Term& term : telemetry::bad_terms(question_.bad, question_.routes)) {
        if (!missing_.empty()) {
            break;
        }
        OA_CO_TRY(const auto some, co_await number(term.word, queries_.rise_of(term)));
        // The lane has all of them at 0 from its start, 500, 503 and 504 too: where none is, the
        // label was renamed or the series was dropped on its way, which is no zero.
        if (missing_.empty() && !some && term.optional) {
            out_.notes.push_back(fmt::format("no series of {}: they count twice", term.word));
        } else if (missing_.empty() && !some) {
            miss(
                term.word,
                "no series match, though the lane has them from its start: was a label renamed or"
                " a series dropped?"
            );
        }
        if (term.labels.empty()) {
            out_.notes.push_back(fmt::format("{} counts those of all routes", term.word));
        }
        bad += term.subtract ? -some.value_or(0) : some.value_or(0);
    }
    settle(bad, all.value_or(0));
    co_return Result<void>{};
}

Result<void> Reader::slow_ones() {
    const auto& buckets = out_.tally.buckets;
    const double limit = question_.slower_than_s.value_or(0);
    const auto bound = std::ranges::find(buckets, limit, &Bucket::le);
    if (bound == buckets.end()) {
        return fail(
            Code::config,
            fmt::format("Prometheus' histogram of the first content has no bound at {:g} s", limit),
            options_.url,
            "2.5 s is one"
        );
    }
    const double all = buckets.back().count;
    settle(all - bound->count, all);
    return {};
}

/// The lane's histogram has a turn only once content came. Which of the failed ones waited in vain
/// until a time limit ended them its counters do not say, so that is stated, not guessed.
Task<Result<void>> Reader::late_ones() {
    const auto term = telemetry::late_term(question_.routes);
    OA_CO_TRY(const auto late, co_await number(term.word, queries_.rise_of(term)));
    if (missing_.empty() && !late) {
        miss(term.word, "no series match, though the lane has them from its start");
    }
    out_.time_error = static_cast<double>(whole(late.value_or(0)));
    co_return Result<void>{};
}

Task<Result<void>> Reader::times() {
    const std::string query = queries_.first_content();
    OA_CO_TRY(Answer answer, co_await ask("first content", query, ResultType::vector));
    if (!missing_.empty()) {
        co_return Result<void>{};
    }
    answer = merge_replicas(std::move(answer), prometheus::k_replica_labels);
    if (!answer.warnings.empty()) {
        miss("first content", "Prometheus warns: " + answer.warnings.front());
        co_return Result<void>{};
    }
    if (std::ranges::any_of(answer.series, [](const prometheus::Series& series) {
            return !std::isfinite(series.points.back().value);
        })) {
        miss("first content", fmt::format("a bucket is no number ({})", query));
        co_return Result<void>{};
    }
    OA_CO_TRY(out_.tally.buckets, buckets_of(answer));
    auto& buckets = out_.tally.buckets;
    if (buckets.empty() && question_.slower_than_s) {
        miss("first content", fmt::format("no buckets match ({})", query));
    }
    if (!buckets.empty() && buckets.back().le != std::numeric_limits<double>::infinity()) {
        miss("first content", fmt::format("no bucket up to +Inf ({})", query));
    }
    if (missing_.empty() && question_.slower_than_s) {
        OA_CO_CHECK(slow_ones());
    }
    if (missing_.empty() && !buckets.empty()) {
        OA_CO_CHECK(co_await late_ones());
    }
    co_return Result<void>{};
}

void Reader::conclude() {
    if (!missing_.empty()) {
        out_.why = missing_ + fmt::format(" at {:.3f}", at());
        out_.tally = {};
        out_.count_error = out_.edge_error = out_.time_error = 0;
        return;
    }
    out_.state = SourceReading::State::measured;
    out_.notes.push_back(fmt::format(
        "scraped every {:g} s: about {:.0f} requests next to the window's ends may be in or out",
        scraping_.interval_s,
        std::ceil(out_.edge_error)
    ));
    if (out_.count_error > 0) {
        out_.notes.push_back(fmt::format(
            "increase() fills in what lies between scrapes: each count is right to ±{:.1f}",
            out_.count_error
        ));
    }
    if (out_.time_error > 0) {
        out_.notes.push_back(fmt::format(
            "{:g} turns ended as {}: each may have run into a time limit before any content",
            out_.time_error,
            fmt::join(telemetry::late_term().labels.front().values, " or ")
        ));
    }
    if (question_.slower_than_s) { // what may be slow may be bad
        out_.count_error += out_.time_error;
    }
}

class PrometheusSource final : public Source {
public:
    PrometheusSource(net::HttpClient& client, PrometheusOptions options)
        : client_(client), options_(std::move(options)) {
        while (options_.url.ends_with('/')) {
            options_.url.pop_back();
        }
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "prometheus"; }

    [[nodiscard]] Task<Result<SourceReading>> read(Question question) override {
        OA_CO_CHECK(check(options_));
        if (!(question.window.seconds() > 0) || question.bad.empty()) {
            co_return fail(Code::usage, "a question needs a window and bad events");
        }
        Reader reader(client_, options_, question);
        co_return co_await reader.run();
    }

private:
    net::HttpClient& client_;
    PrometheusOptions options_;
};

} // namespace

Result<void> check(const PrometheusOptions& options) {
    const bool web = options.url.starts_with("http://") || options.url.starts_with("https://");
    if (!web || options.url.find_first_of("?#@ ") != std::string::npos) {
        return fail(
            Code::usage,
            "Prometheus' address is http(s)://host[:port][/path], without credentials or query",
            {},
            "http://127.0.0.1:9090"
        );
    }
    if (!options.bearer.empty() && !options.user.empty()) {
        return fail(Code::usage, "Prometheus takes a bearer token or a user, not both");
    }
    if (!options.revision_label.empty() && !is_label_name(options.revision_label)) {
        return fail(
            Code::usage,
            fmt::format("'{}' is no label's name", printable(options.revision_label, 40)),
            {},
            "service_version"
        );
    }
    OA_CHECK(parse_matchers(options.matchers));
    return {};
}

std::unique_ptr<Source> prometheus_source(net::HttpClient& client, PrometheusOptions options) {
    return std::make_unique<PrometheusSource>(client, std::move(options));
}

} // namespace oa_stream::measure
