// One gate on a command line, in the words of a playbook's gates.
#pragma once

#include "oa_stream/measure/gate.hpp"
#include "oa_stream/measure/source.hpp"

#include <string_view>
#include <vector>

namespace oa_stream::cli {

struct GateExpr {
    measure::GateSpec spec{}; ///< id, metric, against, limit, events
    std::vector<measure::BadEvent> bad{};
};

/// "bad: http_5xx | terminal_error <= 1%", "bad: empty <= +1pp versus stable",
/// "p95: first_content <= 2.5s", "p99.5: duration <= 30s", "p95: first_content <= +20%". Limits as
/// in playbooks: a rise (+20%, +1pp) is versus stable, whether it says so or not. "bad <= 1%" has
/// the default events. As measure::read_limit_expr() reads it. Code::usage naming the part.
[[nodiscard]] Result<GateExpr> parse_gate_expr(std::string_view text);

} // namespace oa_stream::cli
