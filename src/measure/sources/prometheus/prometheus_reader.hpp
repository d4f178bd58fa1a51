// Turns one question into queries, and their answers into a reading. Private to the room.
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

/// Handles one question.
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

    /// Queries at the window's end; an answer for another time counts as missing.
    Task<Result<Answer>> ask(std::string_view side, std::string query, ResultType type);
    Task<Result<void>> look();
    Task<Result<void>> tell_apart(std::string whose);
    /// Checks for processes with several series: they would count several times, and the extra
    /// events cannot be separated.
    [[nodiscard]] Task<Result<void>> each_once(std::string whose);
    [[nodiscard]] Task<Result<void>> name_never_seen();
    /// Finds targets that restarted after a long time without scrapes, and so lost what they
    /// counted before, and targets that were not scraped at the window's beginning.
    [[nodiscard]] Task<Result<void>> out_of_sight();
    /// Finds processes that ended while no lane was scraped; these have no failed scrape either.
    [[nodiscard]] Task<Result<void>> holes(double least_s, double step_s);
    void not_covered(double unseen_s, std::string why);
    /// A process that restarted between two scrapes may hide what its counters had reached.
    [[nodiscard]] Task<Result<void>> restarts();
    /// Turns that ran at such a process' last scrape, and that no lane counted.
    [[nodiscard]] Task<Result<void>> ended_uncounted();
    [[nodiscard]] Queries::Restarts looks_at(const Answer& restarted, double look_s) const;
    /// Number of the term's events that restarts may hide; 0 without a restart.
    [[nodiscard]] Task<Result<double>> hidden_by(telemetry::Term term);
    [[nodiscard]] Task<Result<double>> hidden_times();
    /// Reports series that a living target lacks as missing; they would otherwise count as 0 beside
    /// others' series.
    [[nodiscard]] Task<Result<void>> complete();
    /// The same for times, which only some gates need.
    [[nodiscard]] Task<Result<std::string>> without_times();
    /// Which series a target lacks: those of the terms that a lane has from its start, and `more`.
    [[nodiscard]] Task<Result<std::string>>
    lacking(std::vector<telemetry::Term> terms, Queries::Needed more);
    /// Names the series of that metric (of one of the terms) that the target lacks: " for status
    /// 502 …".
    [[nodiscard]] Task<Result<std::string>>
    which_lack(std::vector<telemetry::Term> terms, Series target);
    /// The times are not reliable: missing where the question needs them.
    void no_times(std::string_view side, std::string why);
    Task<Result<void>> coverage();
    Task<Result<void>> counts();
    Task<Result<void>> times();
    /// Evaluates the question's own PromQL: a value, or events among requests.
    Task<Result<void>> expressions();
    Task<Result<void>> expression_into(std::string_view side, std::string promql, double* into);
    Task<Result<void>> late_ones();
    Task<Result<void>> choose_durations();
    Task<Result<void>> other_ones();
    /// The rise of a term; on routes without turns 0 if other series of the metric are alive.
    /// nullopt: missing_ has the reason, unless the term is optional.
    Task<Result<std::optional<double>>> rise_of(telemetry::Term term);
    /// Adds bad events that a series had at its first scrape and that cannot be dated.
    Task<Result<void>> undated(telemetry::Term term);
    /// Fills the counts of equal stretches of the window, where scrapes are frequent enough.
    Task<Result<void>> blocks();
    /// Adds a term's counts of each stretch to one member of the blocks.
    Task<Result<void>>
    add_to_blocks(telemetry::Term term, double step_s, std::vector<double>* into);
    /// The number of a sum; nullopt for the empty vector; any other answer counts as missing.
    Task<Result<std::optional<double>>> number(std::string_view side, std::string query);
    void remember(const std::string& query) {
        out_.query += (out_.query.empty() ? "" : "\n") + query;
    }
    Task<Result<void>> slow_ones();
    /// A query with numbers by target, added or subtracted.
    struct Part {
        std::string side;
        std::string query;
        double sign = 1;
    };
    /// `parts` are those of the bad events: the extrapolation error of increase() is computed by
    /// target.
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
    double unseen_s_ = 0; ///< of targets without scrapes
    std::optional<Queries::Restarts> restarts_; ///< processes restarted between two scrapes
    double at_first_sight_ = 0; ///< bad events that cannot be dated
    double hidden_bad_ = 0; ///< bad events that restarts may hide
    bool has_whole_turns_ = false; ///< all lanes of the window export durations of whole turns
    double late_ = 0; ///< turns that a time limit may have ended
};

} // namespace oa_stream::measure::prometheus
