// The text of an alert for the person that it wakes: the fault, its place, the command to run.
// Private to the room.
#pragma once

#include "alert_table.hpp"

#include <string>
#include <vector>

namespace oa_stream::measure::alerts {

/// Fills description, next, runbook and tier of every alert.
void add_advice(std::vector<Group>& groups, const AlertOptions& options);

/// A route, inhibition rules and an example receiver for Alertmanager: one fault, one page.
[[nodiscard]] std::string alertmanager_yaml(const std::vector<Group>& groups);

} // namespace oa_stream::measure::alerts
