// One question to Prometheus on its way to a reading. Private to the room.
#pragma once

#include "oa_stream/measure/prometheus_source.hpp"

#include "prometheus_calls.hpp"
#include "prometheus_queries.hpp"
#include "prometheus_targets.hpp"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure::prometheus {

inline constexpr double k_most_look_s = 600;

/// One question on its way.
class PrometheusReader {
public:
    PrometheusReader(
        net::HttpClient& client, const PrometheusOptions& options, const Question& question
    )
        : options_(options), question_(question), calls_(client, options),
          queries_(options, question) {}

    [[nodiscard]] Task<Result<SourceReading>> run();

private:
    [[nodiscard]] double at() const { return question_.window.to_s; }
    void miss(std::string_view side, std::string why) {
        missing_ = fmt::format("{}: {}", side, why);
    }

    /// The answer at the window's end; one of another time is missing, too.
    Task<Result<Answer>> ask(std::string_view side, std::string query, ResultType type);
    Task<Result<void>> look();
    Task<Result<void>> tell_apart(std::string whose);
    /// One process in several series counts as often, and nobody can tell which of its events do.
    [[nodiscard]] Task<Result<void>> each_once(std::string whose);
    [[nodiscard]] Task<Result<void>> name_never_seen();
    /// A target that was long out of sight and began again has lost what it counted before; so has,
    /// for a window, one that was out of sight at its beginning.
    [[nodiscard]] Task<Result<void>> out_of_sight();
    /// So has a process that ended while no lane was scraped, without a failed scrape either.
    [[nodiscard]] Task<Result<void>> holes(double least_s, double step_s);
    void not_covered(double unseen_s, std::string why);
    /// A process that began again between two scrapes may hide what its counters had before.
    [[nodiscard]] Task<Result<void>> restarts();
    /// Turns that ran when such a process was last scraped, and that nobody counted.
    [[nodiscard]] Task<Result<void>> ended_uncounted();
    [[nodiscard]] Queries::Restarts looks_at(const Answer& restarted, double look_s) const;
    /// What restarts may hide; 0 without one.
    [[nodiscard]] Task<Result<double>> hidden_by(telemetry::Term term);
    [[nodiscard]] Task<Result<double>> hidden_times();
    /// Misses what a living target has no series of; they would count as 0 beside others' series.
    [[nodiscard]] Task<Result<void>> complete();
    /// The same of the times, which only some gates need.
    [[nodiscard]] Task<Result<std::string>> without_times();
    /// Those of the terms that a lane has from its start, and `more`: what a target lacks of them.
    [[nodiscard]] Task<Result<std::string>>
    lacking(std::vector<telemetry::Term> terms, Queries::Needed more);
    /// Which series of that metric, one of the terms', the target lacks: " for status 502 …".
    [[nodiscard]] Task<Result<std::string>>
    which_lack(std::vector<telemetry::Term> terms, Series target);
    /// Times that cannot be believed: missing where the question needs them.
    void no_times(std::string_view side, std::string why);
    Task<Result<void>> coverage();
    Task<Result<void>> counts();
    Task<Result<void>> times();
    /// The question's own PromQL: a value, or events among requests.
    Task<Result<void>> expressions();
    Task<Result<void>> expression_into(std::string_view side, std::string promql, double* into);
    Task<Result<void>> late_ones();
    Task<Result<void>> choose_durations();
    Task<Result<void>> other_ones();
    /// What a term rose by; on routes without turns 0 beside living series of the same metric.
    /// nullopt: missing_ says why, unless the term is optional.
    Task<Result<std::optional<double>>> rise_of(telemetry::Term term);
    /// Bad events that a series had when it was first scraped, and that nobody can date.
    Task<Result<void>> undated(telemetry::Term term);
    /// The counts by equal stretches of the window, where scrapes are frequent enough.
    Task<Result<void>> blocks();
    /// Adds a term's counts of each stretch to one member of the blocks.
    Task<Result<void>>
    add_to_blocks(telemetry::Term term, double step_s, std::vector<double>* into);
    /// The sum's number; nullopt for the empty vector; what is neither is missing.
    Task<Result<std::optional<double>>> number(std::string_view side, std::string query);
    void remember(const std::string& query) {
        out_.query += (out_.query.empty() ? "" : "\n") + query;
    }
    Task<Result<void>> slow_ones();
    /// A query's numbers of each target, added or subtracted.
    struct Part {
        std::string side;
        std::string query;
        double sign = 1;
    };
    /// `parts` are those of the bad ones: what increase() makes up of them goes by targets.
    Task<Result<void>> settle(double bad, double all, std::vector<Part> parts);
    Task<Result<ByTarget>> by_target(std::string side, std::string query);
    void conclude();

    const PrometheusOptions& options_;
    const Question& question_;
    Calls calls_;
    Queries queries_;
    Scraping scraping_;
    SourceReading out_;
    std::string missing_;
    double unseen_s_ = 0; ///< of targets that were out of sight
    std::optional<Queries::Restarts> restarts_; ///< processes began again between two scrapes
    double at_first_sight_ = 0; ///< bad ones that nobody can date
    double hidden_bad_ = 0; ///< bad ones that restarts may hide
    bool has_whole_turns_ = false; ///< all lanes of the window count the times of whole turns
    double late_ = 0; ///< turns that a time limit may have ended
};

} // namespace oa_stream::measure::prometheus
