// What an alert tells the person it wakes: what is wrong, where, what to type. Private to the room.
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
