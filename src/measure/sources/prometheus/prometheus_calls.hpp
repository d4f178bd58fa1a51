// Calls of Prometheus' HTTP API with retries and one deadline. Private to the room.
#pragma once

#include "oa_stream/measure/prometheus_source.hpp"

#include <string>
#include <utility>
#include <vector>

namespace oa_stream::measure::prometheus {

/// The calls of one question: they share its deadline.
class Calls {
public:
    /// Client and options must outlive the calls.
    Calls(net::HttpClient& client, const PrometheusOptions& options);

    /// /api/v1/query, evaluated at `at_s`.
    [[nodiscard]] Task<Result<Answer>> instant(std::string query, double at_s, ResultType type);
    /// /api/v1/query_range; a matrix.
    [[nodiscard]] Task<Result<Answer>> range(std::string query, Span span, double step_s);

private:
    using Parameters = std::vector<std::pair<std::string_view, std::string>>;

    [[nodiscard]] Task<Result<Answer>>
    call(std::string_view path, Parameters parameters, ResultType type);
    [[nodiscard]] net::ClientRequest
    request(std::string_view path, const Parameters& parameters, Millis left, Secret bearer) const;

    net::HttpClient& client_;
    const PrometheusOptions& options_;
    Clock::time_point until_;
};

/// Why an instant answer does not apply to the requested time: its values are of another time,
/// because of a cache on the way or a wrong clock (samples of a range may be older). Empty: it
/// applies.
[[nodiscard]] std::string untimely(const Answer& answer, double asked_s);

} // namespace oa_stream::measure::prometheus
