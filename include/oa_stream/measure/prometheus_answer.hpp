// Parses the answers of Prometheus' HTTP API to /api/v1/query and /api/v1/query_range without
// guessing. "No series", zero and NaN stay three different results, and a warning makes the whole
// answer unknown.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/measure/buckets.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace oa_stream::measure::prometheus {

enum class ResultType { vector, matrix, scalar, string };
[[nodiscard]] std::string_view to_string(ResultType type) noexcept;

struct Point {
    /// Seconds since 1970, of the *evaluation*: only `timestamp()` gives the sample's own time.
    double at_s = 0;
    double value = 0; ///< may be NaN or infinite
};

using Label = std::pair<std::string, std::string>;

struct Series {
    std::vector<Label> labels{}; ///< sorted by name
    std::vector<Point> points{}; ///< one for a vector, ascending in time for a matrix

    [[nodiscard]] std::string_view label(std::string_view name) const noexcept; ///< "" when absent
};

struct Answer {
    ResultType type = ResultType::vector;
    std::vector<Series> series{}; ///< a scalar is one series without labels
    /// Part of the data was left out (a remote read failed, a limit was reached): with a warning,
    /// an empty or partial result proves nothing.
    std::vector<std::string> warnings{};
};

/// An answer beyond these limits is rejected (Code::too_large), never truncated.
struct Limits {
    std::size_t bytes = std::size_t{8} << 20U;
    std::size_t series = 2000;
    std::size_t points = 200'000; ///< over all series
};

/// Takes an answer apart. Errors:
/// Code::config      the query itself is refused (bad_data, execution)
/// Code::timeout     the query took too long
/// Code::credentials 401, 403
/// Code::unavailable 5xx, 429, a server that is starting
/// Code::protocol    no Prometheus answer: other JSON, HTML, cut short, another resultType than
///                   `expected`, a value that is not a number in a string, the same series twice
/// Code::too_large   beyond the limits
[[nodiscard]] Result<Answer> parse_answer(
    int http_status, std::string_view body, ResultType expected, const Limits& limits = {}
);

/// One number, or the reason why there is none.
struct Reading {
    enum class State {
        value, ///< a finite number, zero included
        nothing, ///< the empty vector: no such series, or no samples to compare
        not_a_number, ///< NaN or infinite, such as 0 / 0
        unknown, ///< the answer has warnings, or several series where one was expected
    };
    State state = State::nothing;
    double value = 0; ///< only in State::value
    std::string why{}; ///< one line, empty in State::value
};
/// Reads an instant vector or a scalar.
[[nodiscard]] Reading reading_of(const Answer& answer);

/// Two replicas of one Prometheus behind an address answer every series twice. Series that are
/// equal but for these labels become one, with the larger value at each time (a replica that missed
/// scrapes counts less, never more). The labels are gone afterwards.
[[nodiscard]] Answer
merge_replicas(Answer answer, std::span<const std::string_view> replica_labels);
inline constexpr std::array<std::string_view, 3> k_replica_labels{
    "replica", "prometheus_replica", "__replica__"
};
/// The same within PromQL: "max without (replica, …)", to put before a vector in parentheses.
[[nodiscard]] std::string without_replicas();

/// Turns a vector by `le` into tidy cumulative buckets. Code::protocol: warnings, a series without
/// a readable `le` or with another label, a count that is not a finite number ≥ 0. Empty stays
/// empty.
[[nodiscard]] Result<std::vector<Bucket>> buckets_of(const Answer& answer);

/// "3", "1e+00", "NaN", "+Inf", "-Inf": a value as Prometheus writes it. nullopt for anything else.
[[nodiscard]] std::optional<double> parse_value(std::string_view text) noexcept;

} // namespace oa_stream::measure::prometheus
