// Every command's row; each is defined in its own file, src/cli/<name>_command.cpp.
#pragma once

#include "command.hpp"

namespace oa_stream::cli {

extern const CommandSpec serve_command;
extern const CommandSpec front_command;
extern const CommandSpec smoke_stream_command;
extern const CommandSpec smoke_control_command;
extern const CommandSpec smoke_completions_command;
extern const CommandSpec check_command;
extern const CommandSpec verify_command;
extern const CommandSpec cutover_rehearse_command;
extern const CommandSpec rollback_drill_command;
extern const CommandSpec route_status_command;
extern const CommandSpec route_evaluate_command;
extern const CommandSpec route_set_command;
extern const CommandSpec route_clear_command;
extern const CommandSpec route_restore_command;
extern const CommandSpec route_verify_command;
extern const CommandSpec cutover_plan_command;
extern const CommandSpec cutover_apply_command;
extern const CommandSpec cutover_status_command;
extern const CommandSpec cutover_unlock_command;
extern const CommandSpec rollback_plan_command;
extern const CommandSpec rollback_apply_command;
extern const CommandSpec slo_status_command;
extern const CommandSpec slo_gate_command;
extern const CommandSpec slo_budget_command;
extern const CommandSpec shadow_command;
extern const CommandSpec watch_command;
extern const CommandSpec load_command;
extern const CommandSpec slo_rules_command;
extern const CommandSpec slo_dashboard_command;
extern const CommandSpec playbook_list_command;
extern const CommandSpec playbook_show_command;
extern const CommandSpec playbook_validate_command;
extern const CommandSpec playbook_explain_command;
extern const CommandSpec playbook_schema_command;
extern const CommandSpec runs_list_command;
extern const CommandSpec runs_show_command;
extern const CommandSpec runs_compare_command;
extern const CommandSpec runs_gc_command;
extern const CommandSpec runs_pin_command;
extern const CommandSpec runs_unpin_command;
extern const CommandSpec note_command;
extern const CommandSpec incident_body_command;
extern const CommandSpec incident_bundle_command;
extern const CommandSpec incident_verify_command;
extern const CommandSpec incident_open_command;
extern const CommandSpec compat_command;
extern const CommandSpec completions_command;
extern const CommandSpec man_command;
extern const CommandSpec config_show_command;
extern const CommandSpec doctor_command;
extern const CommandSpec version_command;

} // namespace oa_stream::cli
