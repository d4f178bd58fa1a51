// Reads the reference numbers (scipy, statsmodels, a real Prometheus) and compares with them.
#pragma once

#include "oa_stream/base/json.hpp"
#include "oa_stream/measure/fraction.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure::vectors {

/// fixtures/vectors/stats.json, or the file OA_STREAM_STAT_VECTORS names.
[[nodiscard]] const Json& all();

/// Numbers JSON cannot hold are the words "NaN", "+Inf" and "-Inf".
[[nodiscard]] double number(const Json& value);
[[nodiscard]] std::vector<double> numbers(const Json& values);
[[nodiscard]] std::uint64_t whole(const Json& in, const char* key);
/// From a decimal word, or from a number as JSON spells it.
[[nodiscard]] Fraction fraction(const Json& value);
/// "99.9" → 0.999
[[nodiscard]] Fraction percent(const Json& value);

struct Tolerance {
    double rel = 0;
    double abs = 0;
    [[nodiscard]] bool equal(double got, double want) const;
    /// null stands for nothing.
    [[nodiscard]] bool equal(std::optional<double> got, const Json& want) const;
};

using Case = std::function<void(const Json& in, const Json& out, Tolerance)>;

/// Runs `body` on each case of the family.
void each_case(std::string_view family, const Case& body);

/// `status` is "undefined": nothing to compute from.
[[nodiscard]] bool undefined(const Json& out);

} // namespace oa_stream::measure::vectors
