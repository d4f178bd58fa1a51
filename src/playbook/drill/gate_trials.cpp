// Which fault each gate is to notice.
#include "oa_stream/playbook/each_gate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace oa_stream::playbook {
namespace {

using measure::GateSpec;
using measure::Metric;
using measure::Timing;

/// What makes an answer end so: a share that no limit worth having lets pass.
struct FaultOf {
    std::string_view word;
    std::string_view fault;
};
constexpr std::array k_faults{
    FaultOf{"truncated", "truncate=0.5"},
    FaultOf{"stalled", "stall=0.5"},
    FaultOf{"malformed_frame", "malformed=0.5"},
    FaultOf{"contract_violation", "malformed=0.5"},
    FaultOf{"unauthorised", "auth-error=0.5"},
    FaultOf{"http_5xx", "http-error=0.5"},
    FaultOf{"http_status", "http-error=0.5"},
    FaultOf{"compat_rejected", "http-error=0.5"}, // probes count any bad ending for it
    FaultOf{"rejected", "http-error=0.5"},        // and for this one
    FaultOf{"terminal_error", "error-rate=0.5"},
    FaultOf{"turn_failed", "error-rate=0.5"},
    FaultOf{"in_stream_error", "error-rate=0.5"},
    FaultOf{"codex_error", "drop=0.5"},
    FaultOf{"too_slow", "stall=0.5"},
    FaultOf{"auth_errors", "auth-error=0.5"},
    FaultOf{"sync_token_errors", "sync-token-error=0.5"},
    FaultOf{"audit_errors", "audit-error=0.5"},
};

std::string fault_named(std::string_view word) {
    const auto* found = std::ranges::find(k_faults, word, &FaultOf::word);
    return found == k_faults.end() ? std::string() : std::string(found->fault);
}

std::string fault_of_rate(const GateSpec& gate) {
    if (gate.events.empty()) {
        return "error-rate=0.5";
    }
    for (const std::string_view word : measure::event_words(gate.events)) {
        if (std::string fault = fault_named(word); !fault.empty()) {
            return fault;
        }
    }
    return {};
}

/// Later than the limit by as much again, or well beyond any relative one.
std::string fault_of_time(const GateSpec& gate) {
    if (gate.timing != Timing::first_content) {
        const bool versus = gate.against == measure::Against::stable;
        return fmt::format("slow={:.0f}", versus ? std::ceil(3 * (1 + gate.limit)) : 20.0);
    }
    const double late_s = gate.against == measure::Against::limit ? 2 * gate.limit : 2.0;
    return fmt::format("latency={:.0f}ms", std::max(500.0, std::ceil(late_s * 1000)));
}

std::string fault_for(const GateSpec& gate) {
    switch (gate.metric) {
    case Metric::bad_rate:
        return fault_of_rate(gate);
    case Metric::quantile:
        return fault_of_time(gate);
    case Metric::spike:
        return fault_named(gate.signal);
    case Metric::expression:
        break;
    }
    return {};
}

} // namespace

std::vector<GateTrial> gate_trials(const Playbook& playbook) {
    std::vector<GateTrial> out;
    for (const GateSpec& gate : playbook.stage.gates) {
        if (gate.mode == measure::GateMode::decide) {
            out.push_back({gate.id, fault_for(gate)});
        }
    }
    if (playbook.continuity == Continuity::required) {
        out.push_back({std::string(k_continuity_trial), "forget=1"});
    }
    return out;
}

} // namespace oa_stream::playbook
