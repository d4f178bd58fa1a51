// A limit in one line, in the words of a playbook's gates: for `slo gate` and `load --limit`.
#pragma once

#include "oa_stream/base/error.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/measure/fraction.hpp"
#include "oa_stream/measure/sample.hpp"

#include <optional>
#include <string_view>

namespace oa_stream::measure {

/// The limited metric and its limit. The caller checks that something measures it. The views point
/// into the parsed text.
struct LimitExpr {
    std::string_view what{};            ///< "p95", "bad"
    std::string_view which{};           ///< "first_content", "http_5xx | empty", perhaps empty
    std::optional<Fraction> quantile{}; ///< of `what`
    std::optional<Timing> timing{};     ///< of `which`; "gap" and "end" are names of two of them
    std::string_view bound{};           ///< "2.5s"
    config::Limit limit{}; ///< the parsed `bound`
    bool versus = false;                ///< "versus stable" follows
};
/// "p95: first_content <= 2.5s", "p95 first_content <= 2.5s", "p95-first_content<=2.5s",
/// "bad: http_5xx <= +1pp versus stable". Code::usage.
[[nodiscard]] Result<LimitExpr> read_limit_expr(std::string_view text);

} // namespace oa_stream::measure
