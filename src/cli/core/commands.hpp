// The register: one line per command, in the order of --help. Each command is defined in
// src/cli/<folder>/<name>_command.cpp. The list is manual: in a static library the linker drops a
// registration object when nothing else in its file is used.
#pragma once

#include "command.hpp"

// clang-format off
#define OA_SERVE_COMMANDS(X)                                                                       \
    X(serve_command)                                                                               \
    X(front_command)
#define OA_VERIFY_COMMANDS(X)                                                                      \
    X(verify_command)                                                                              \
    X(smoke_stream_command)                                                                        \
    X(smoke_control_command)                                                                       \
    X(smoke_completions_command)                                                                   \
    X(smoke_responses_command)                                                                     \
    X(check_command)                                                                               \
    X(shadow_command)                                                                              \
    X(load_command)
#define OA_CUTOVER_COMMANDS(X)                                                                     \
    X(cutover_rehearse_command)                                                                    \
    X(cutover_plan_command)                                                                        \
    X(plan_show_command)                                                                           \
    X(plan_approve_command)                                                                        \
    X(cutover_apply_command)                                                                       \
    X(cutover_status_command)                                                                      \
    X(cutover_pause_command)                                                                       \
    X(cutover_continue_command)                                                                    \
    X(cutover_promote_command)                                                                     \
    X(cutover_abort_command)                                                                       \
    X(cutover_abandon_command)                                                                     \
    X(rollback_apply_command)                                                                      \
    X(rollback_plan_command)                                                                       \
    X(rollback_drill_command)                                                                      \
    X(route_status_command)                                                                        \
    X(route_evaluate_command)                                                                      \
    X(route_set_command)                                                                           \
    X(route_clear_command)                                                                         \
    X(route_restore_command)                                                                       \
    X(route_verify_command)                                                                        \
    X(playbook_list_command)                                                                       \
    X(playbook_show_command)                                                                       \
    X(playbook_validate_command)                                                                   \
    X(playbook_explain_command)                                                                    \
    X(playbook_schema_command)
#define OA_MEASURE_COMMANDS(X)                                                                     \
    X(watch_command)                                                                               \
    X(slo_status_command)                                                                          \
    X(slo_gate_command)                                                                            \
    X(slo_budget_command)                                                                          \
    X(slo_rules_command)                                                                           \
    X(slo_dashboard_command)
#define OA_INCIDENT_COMMANDS(X)                                                                    \
    X(runs_list_command)                                                                           \
    X(runs_show_command)                                                                           \
    X(runs_compare_command)                                                                        \
    X(runs_gc_command)                                                                             \
    X(runs_pin_command)                                                                            \
    X(runs_unpin_command)                                                                          \
    X(note_command)                                                                                \
    X(incident_body_command)                                                                       \
    X(incident_bundle_command)                                                                     \
    X(incident_verify_command)                                                                     \
    X(incident_open_command)
#define OA_SETUP_COMMANDS(X)                                                                       \
    X(doctor_command)                                                                              \
    X(config_show_command)                                                                         \
    X(config_schema_command)                                                                       \
    X(completions_command)                                                                         \
    X(man_command)                                                                                 \
    X(help_command)                                                                                \
    X(compat_command)                                                                              \
    X(version_command)
// clang-format on
#define OA_COMMANDS(X)                                                                             \
    OA_SERVE_COMMANDS(X)                                                                           \
    OA_VERIFY_COMMANDS(X)                                                                          \
    OA_CUTOVER_COMMANDS(X)                                                                         \
    OA_MEASURE_COMMANDS(X)                                                                         \
    OA_INCIDENT_COMMANDS(X)                                                                        \
    OA_SETUP_COMMANDS(X)

namespace oa_stream::cli {

#define OA_DECLARE(name) extern const CommandSpec name;
OA_COMMANDS(OA_DECLARE)
#undef OA_DECLARE

} // namespace oa_stream::cli
