// The table lists commands by hand: a registration object in a static library is dropped by the
// linker when nothing else of its file is used.
#include "commands.hpp"

#include <array>

namespace oa_stream::cli {

std::span<const CommandSpec> all_commands() noexcept {
    static const std::array k_commands{
        serve_command,
        front_command,
        smoke_stream_command,
        smoke_control_command,
        smoke_completions_command,
        check_command,
        verify_command,
        cutover_rehearse_command,
        rollback_drill_command,
        route_status_command,
        route_evaluate_command,
        route_set_command,
        route_clear_command,
        route_restore_command,
        route_verify_command,
        cutover_plan_command,
        cutover_apply_command,
        cutover_status_command,
        cutover_unlock_command,
        rollback_plan_command,
        rollback_apply_command,
        shadow_command,
        slo_status_command,
        slo_gate_command,
        slo_budget_command,
        load_command,
        slo_rules_command,
        slo_dashboard_command,
        watch_command,
        playbook_list_command,
        playbook_show_command,
        playbook_validate_command,
        playbook_explain_command,
        playbook_schema_command,
        runs_list_command,
        runs_show_command,
        runs_compare_command,
        runs_gc_command,
        runs_pin_command,
        runs_unpin_command,
        incident_body_command,
        incident_bundle_command,
        incident_verify_command,
        incident_open_command,
        compat_command,
        note_command,
        completions_command,
        man_command,
        config_show_command,
        doctor_command,
        version_command,
    };
    return k_commands;
}

std::span<const OptionSpec> global_options() noexcept {
    static constexpr std::array k_options{
        OptionSpec{"--json", "", "Print one JSON document on stdout."},
        OptionSpec{"-q,--quiet", "", "Print nothing on PASS but the result."},
        OptionSpec{"--color", "auto|always|never", "Colour; NO_COLOR means never.", "auto"},
        OptionSpec{
            "--state-dir", "DIR", "Where runs and locks are kept (also OA_STREAM_STATE_DIR)."
        },
        OptionSpec{
            "--config",
            "FILE",
            "Read this config file; else $XDG_CONFIG_HOME/oa-stream/config.yaml."
        },
        OptionSpec{
            "--junit", "FILE", "Of a command that leaves a run: also write its checks as JUnit XML."
        },
        OptionSpec{"--tap", "FILE", "Also write them as TAP."},
        OptionSpec{"--github", "", "Also write a job summary and annotations for GitHub Actions."},
        OptionSpec{"--non-interactive", "", "Never draw a live display, even on a terminal."},
    };
    return k_options;
}

} // namespace oa_stream::cli
