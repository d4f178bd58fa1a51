// The text of an alert for the operator it wakes: the fault, its place, the command to run. Private
// to the room.
#pragma once

#include "alert_table.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::measure::alerts {

inline constexpr std::string_view k_its_route = "{{ $labels.route }}"; ///< the alert's label

/// An oa-stream command that shows the fault. Prometheus fills in its own address and the labels.
enum class Next {
    watch, ///< all numbers of all targets, once
    gate, ///< bad requests, judged
    first, ///< times of the first content, judged
    budget, ///< the rest of the error budget
    status, ///< open runs, and what they left behind
    runs, ///< the runs and their outcomes
};
/// `routed`: only for the alert's route.
[[nodiscard]] std::string next_of(Next next, bool routed, const AlertOptions& options);

/// Fills in description, next, runbook and tier of every alert.
void add_advice(std::vector<Group>& groups, const AlertOptions& options);

/// A route, inhibition rules and an example receiver for Alertmanager, so that one fault causes one
/// page.
[[nodiscard]] std::string alertmanager_yaml(const std::vector<Group>& groups);

} // namespace oa_stream::measure::alerts
