// Chooses the fault that each gate should detect.
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

/// A fault that causes this ending, at a share beyond any reasonable limit.
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
    FaultOf{"rejected", "http-error=0.5"}, // likewise
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

/// How far a fault exceeds the limit at most: more would not show more.
constexpr double k_most_beyond_s = 15;
/// A lane ends a turn after two minutes of silence, and such a turn has no time to judge.
constexpr double k_longest_silence_s = 115;

/// The fault `word` that delays an answer by this time.
std::string wait_of(std::string_view word, double seconds) {
    return fmt::format("{}={:.0f}ms", word, std::max(500.0, std::ceil(seconds * 1000)));
}

/// Exceeds the limit by as much again, or clearly exceeds any relative limit. The pace of the
/// played content is unknown, so a limit in seconds gets a fault in seconds.
std::string fault_of_time(const GateSpec& gate) {
    const bool first = gate.timing == Timing::first_content;
    if (gate.against == measure::Against::stable) {
        return first ? wait_of("latency", 2)
                     : fmt::format("slow={:.0f}", std::ceil(3 * (1 + gate.limit)));
    }
    if (gate.timing == Timing::per_token) {
        return "slow=20"; // how many pieces share a silence is unknown
    }
    const double late_s = gate.limit + std::min(gate.limit, k_most_beyond_s);
    return late_s > k_longest_silence_s ? "" : wait_of(first ? "latency" : "gap", late_s);
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
