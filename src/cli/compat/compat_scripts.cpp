#include "oa_stream/base/markup.hpp"
#include "oa_stream/net/oa_headers.hpp"

#include "compat_rows.hpp"

#include <fmt/format.h>

#include <array>

namespace oa_stream::cli {
namespace {

constexpr std::array k_stream_env{
    OldVariable{
        "OUTPUT_DIR", "a folder in the checkout", "`--state-dir`: the run's folder is made in it"
    },
    OldVariable{"BASE_URL", "https://openagents.com", "`--base-url`; must be set"},
    OldVariable{"AUTH_TOKEN", "", "`--auth env:AUTH_TOKEN`; must be set unless DRY_RUN=1"},
    OldVariable{
        "DRY_RUN", "0", "`1`: `--no-probes`, GETs alone and never PASS; nothing canned is judged"
    },
    OldVariable{"PHASE", "runtime", "`--id-prefix`"},
    OldVariable{
        "CURL_TIMEOUT_SECONDS",
        "20",
        "`--first-byte` and `--stall`: a limit on silence, no longer on the whole answer"
    },
    OldVariable{"COMPAT_CLIENT_BUILD_ID", net::k_usual_build, "`--compat-build`"},
    OldVariable{"COMPAT_PROTOCOL_VERSION", net::k_usual_protocol, "`--compat-protocol`"},
    OldVariable{"COMPAT_SCHEMA_VERSION", net::k_usual_schema, "`--compat-schema`"},
    OldVariable{
        "THREAD_ID_PREFIX",
        "thread_prod_stream_smoke",
        "nothing: threads are called oasmoke_… and listed in the report"
    },
};

constexpr std::array k_cutover_env{
    OldVariable{
        "OUTPUT_DIR", "a folder in the checkout", "`--state-dir`: the run's folder is made in it"
    },
    OldVariable{"BASE_URL", "https://openagents.com", "`--set base_url=`; must be set"},
    OldVariable{"CONTROL_ACCESS_TOKEN", "", "nothing: routes are a command of their own"},
    OldVariable{"AUTH_TOKEN", "", "read by the playbook; must be set unless DRY_RUN=1"},
    OldVariable{"APPLY_ROUTE_FLIP", "0", "`1` is refused: `oa-stream route set rust`"},
    OldVariable{
        "DRY_RUN",
        "1",
        "`1`: `cutover rehearse`. `0`: `cutover plan`, which changes nothing; `cutover apply` does"
    },
    OldVariable{"PROJECT", "openagentsgemini", "`--set project=`"},
    OldVariable{"REGION", "us-central1", "`--set region=`"},
    OldVariable{"SERVICE", "openagents-control-service", "`--set service=`"},
    OldVariable{"RUN_DUAL_RUN", "0", "`1` is refused: `oa-stream shadow`"},
    OldVariable{"LEGACY_BASE_URL", "", "nothing"},
    OldVariable{"MAX_ROUTE_FLIP_FAILURES", "0", "refused above 0: it never did anything"},
    OldVariable{"MAX_STREAM_SMOKE_FAILURES", "0", "refused above 0"},
    OldVariable{"MAX_CANARY_DRILL_FAILURES", "0", "refused above 0"},
    OldVariable{"MAX_DUAL_RUN_FAILURES", "0", "refused above 0"},
    OldVariable{
        "MAX_ERROR_BUDGET_CONSUMED_PERCENT",
        "5",
        "what the stated budget is compared with, first of all"
    },
    OldVariable{
        "SLO_ERROR_BUDGET_CONSUMED_PERCENT",
        "0",
        "`--asserted-budget`: a fact of the run, marked as stated; what a source measures decides"
    },
};

constexpr std::array k_flip_env{
    OldVariable{
        "OUTPUT_DIR", "a folder in the checkout", "`--state-dir`: the run's folder is made in it"
    },
    OldVariable{"BASE_URL", "https://openagents.com", "`--base-url`; must be set"},
    OldVariable{"CONTROL_ACCESS_TOKEN", "", "`--auth env:CONTROL_ACCESS_TOKEN`; must be set"},
    OldVariable{
        "APPLY",
        "0",
        "`0`: `route verify`. `1`: `route set rust`, which shows first; `--apply` does"
    },
    OldVariable{"COHORT_KEY", "prod-rust-route-flip", "`--cohort`"},
    OldVariable{"CURL_TIMEOUT_SECONDS", "15", "`--timeout`"},
};

constexpr std::array k_shadow_env{
    OldVariable{"OUTPUT_DIR", "a folder in the checkout", "`--state-dir`"},
    OldVariable{"RUST_BASE_URL", "", "`--base-url`; must be set"},
    OldVariable{"LEGACY_BASE_URL", "", "`--against`; must be set"},
    OldVariable{"AUTH_TOKEN", "", "`--auth env:AUTH_TOKEN`"},
    OldVariable{
        "REQUESTS_FILE",
        "a manifest in the checkout",
        "refused: turns are compared, of prompts (`--prompts FILE`); reads are `smoke control`'s"
    },
    OldVariable{"MAX_CRITICAL_MISMATCHES", "0", "refused above 0"},
    OldVariable{"MAX_TOTAL_MISMATCHES", "0", "refused above 0"},
    OldVariable{"MAX_STREAM_MISMATCHES", "0", "refused above 0"},
    OldVariable{"MAX_P95_LATENCY_DELTA_MS", "250", "`--p95-delta-at-most`"},
};

constexpr std::array k_rollout_env{
    OldVariable{
        "PROJECT",
        "gcloud's",
        "`--set project=`; must be set. `rollback` takes the run that is not over of this "
        "project's "
        "service"
    },
    OldVariable{"REGION", "us-central1", "`--set region=`"},
    OldVariable{"SERVICE", "openagents-control-service", "`--set service=`"},
    OldVariable{
        "DRY_RUN",
        "0",
        "`1`: `set-traffic` and `drill` rehearse (with BASE_URL). Else refused: no traffic moves "
        "to a canary without a plan"
    },
    OldVariable{"BASE_URL", "", "`--set base_url=`, for a rehearsal; new here"},
};

constexpr std::array k_drill_env{
    OldVariable{
        "OUTPUT_DIR", "a folder in the checkout", "`--state-dir`: the run's folder is made in it"
    },
    OldVariable{"PROJECT", "gcloud's", "`--set project=`; must be set"},
    OldVariable{"REGION", "us-central1", "`--set region=`"},
    OldVariable{"SERVICE", "openagents-control-service", "`--set service=`"},
    OldVariable{
        "DRY_RUN",
        "0",
        "must be `1`: rehearses. A bare drill moved production's traffic; that needs "
        "a playbook now"
    },
    OldVariable{"CANARY_STEPS", "5,25,50,100", "checked as a whole; the stages are the playbook's"},
    OldVariable{"BASE_URL", "", "`--set base_url=`; must be set, new here"},
};

constexpr std::array k_control_env{
    OldVariable{"OUTPUT_DIR", "", "`--state-dir`: the run's folder is made in it; new here"},
    OldVariable{"OPENAGENTS_BASE_URL", "", "`--base-url`; must be set"},
    OldVariable{
        "OPENAGENTS_CONTROL_ACCESS_TOKEN",
        "",
        "`--auth env:OPENAGENTS_CONTROL_ACCESS_TOKEN`; without it the verdict is INCONCLUSIVE, no "
        "longer \"ok\""
    },
    OldVariable{
        "OPENAGENTS_MAINTENANCE_BYPASS_TOKEN",
        "",
        "refused: it went into a URL. Give the cookie it makes: `--maintenance-cookie env:NAME`"
    },
};

constexpr std::array k_health_env{
    OldVariable{"OUTPUT_DIR", "", "`--state-dir`: the run's folder is made in it; new here"},
    OldVariable{"OPENAGENTS_BASE_URL", "", "`--base-url`; must be set"},
    OldVariable{
        "OPENAGENTS_CONTROL_ACCESS_TOKEN",
        "",
        "`--auth`; without it the verdict is INCONCLUSIVE, though health is checked; new here"
    },
};

constexpr std::array k_harness_env{
    OldVariable{"OUTPUT_DIR", "a folder in the checkout", "nothing"},
};

// clang-format off
constexpr std::array k_scripts{
    RetiredScript{"run-production-stream-contract-smoke.sh", "", "`oa-stream smoke stream`", k_stream_env, stream_smoke, "production_stream_smoke"},
    RetiredScript{"run-production-stream-cutover.sh", "<stable-revision> <canary-revision>", "`oa-stream cutover rehearse cutover` or `oa-stream cutover plan cutover`", k_cutover_env, cutover, "production_stream_cutover", true},
    RetiredScript{"run-production-rust-route-flip.sh", "", "`oa-stream route verify` or `oa-stream route set`", k_flip_env, route_flip, "route_flip"},
    RetiredScript{"run-staging-dual-run-shadow-diff.sh", "", "`oa-stream shadow`", k_shadow_env, shadow},
    RetiredScript{"canary-rollout.sh", k_rollout_usage, "`oa-stream cutover status`, `cutover rehearse cutover`, `rollback apply`", k_rollout_env, rollout},
    RetiredScript{"run-canary-rollback-drill.sh", "<stable-revision> <canary-revision>", "`oa-stream cutover rehearse cutover`; live: `oa-stream rollback drill`", k_drill_env, drill, "canary_drill", true},
    RetiredScript{"smoke-health.sh", "", "`oa-stream smoke control`", k_health_env, smoke_health},
    RetiredScript{"smoke-control.sh", "", "`oa-stream smoke control`", k_control_env, smoke_control},
    RetiredScript{"run-vercel-sse-fixture-harness.sh", "", "nothing: refused, with what to use", k_harness_env, harness},
};
// clang-format on

} // namespace

std::span<const RetiredScript> retired_scripts() noexcept {
    return k_scripts;
}

std::string compat_page() {
    std::string out =
        "# The retired scripts\n\n<!-- Made by: oa-stream compat --markdown > docs/compat.md -->"
        "\n\n"
        "`oa-stream compat SCRIPT …` takes a retired script's name, arguments and environment, "
        "prints the\nnew command on stderr, and runs it. A link with the script's name does the "
        "same:\n`oa-stream compat --link DIR` makes one for each. Of these commands only "
        "`canary-rollout.sh rollback`\nmoves traffic: back to what served before a run.\n\n"
        "- Switches are `0` or `1`; any other word is refused. Numbers are plain decimals.\n"
        "- All input is read and checked before the first request. Tokens are references and "
        "never\n  copied: they stay in the environment.\n"
        "- A call that moved traffic by default, or without a rollback, is refused with the "
        "command\n  that does it safely. Exit codes are those of the new commands. A refusal is "
        "2; without\n  a token that must be set 5; with an error budget consumed beyond its limit "
        "6.\n"
        "- Artifacts are those of a run: its folder is in `OUTPUT_DIR`, if that is set and the "
        "script's table\n  has it.\n"
        "- `oa-stream compat --emit openagents-v1 SCRIPT …`, or "
        "OA_STREAM_COMPAT_EMIT=openagents-v1 "
        "with a link,\n  also writes `summary.json` and `SUMMARY.md` into `OUTPUT_DIR`, with the "
        "old members; those without\n  a meaning today are null. A verdict other than PASS is "
        "`failed` there.\n  A call that is refused or only shows something leaves none: those of "
        "an earlier call "
        "are removed first.\n\n"
        "| script | arguments | now |\n| --- | --- | --- |\n";
    const auto cell = [](std::string_view text) {
        return text.empty() ? std::string("–") : table_cell(text);
    };
    for (const RetiredScript& script : k_scripts) {
        const std::string args =
            script.arguments.empty() ? "–" : "`" + table_cell(script.arguments) + "`";
        out += fmt::format("| `{}` | {} | {} |\n", script.name, args, script.now);
    }
    for (const RetiredScript& script : k_scripts) {
        out +=
            fmt::format("\n## {}\n\n| variable | was | now |\n| --- | --- | --- |\n", script.name);
        for (const OldVariable& variable : script.env) {
            out += fmt::format(
                "| `{}` | {} | {} |\n",
                variable.name,
                cell(variable.fallback),
                cell(variable.becomes)
            );
        }
    }
    return out;
}

} // namespace oa_stream::cli
