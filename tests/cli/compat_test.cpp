// The retired scripts by name: what they are now, and what is refused before anything is started.
#include "oa_stream/base/file.hpp"

#include "compat/compat_scripts.hpp"
#include "core/commands.hpp"
#include "core/parse.hpp"
#include "scratch.hpp"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

using namespace oa_stream;
using namespace oa_stream::cli;

namespace {

using Env = std::map<std::string, std::string, std::less<>>;

Result<Replacement> call(std::string_view script, std::vector<std::string> args, Env env) {
    const RetiredScript* row = find_retired(script);
    REQUIRE(row != nullptr);
    return row->map({std::move(args), [env = std::move(env)](std::string_view name) {
                         const auto found = env.find(name);
                         return found == env.end() ? std::nullopt : std::optional(found->second);
                     }});
}

std::string now(const Result<Replacement>& result) {
    if (!result) {
        FAIL(result.error().text());
    }
    return fmt::format("{}", fmt::join(result->words, " "));
}

void refused(const Result<Replacement>& result, std::string_view said, Code code = Code::usage) {
    REQUIRE_FALSE(result);
    CAPTURE(result.error().text(), said);
    CHECK(result.error().text().contains(said));
    CHECK(result.error().code == code);
}

constexpr std::string_view k_stream = "run-production-stream-contract-smoke.sh";
constexpr std::string_view k_cutover = "run-production-stream-cutover.sh";
constexpr std::string_view k_flip = "run-production-rust-route-flip.sh";
constexpr std::string_view k_drill = "run-canary-rollback-drill.sh";
constexpr std::string_view k_rollout = "canary-rollout.sh";
constexpr std::string_view k_shadow = "run-staging-dual-run-shadow-diff.sh";
const Env k_drill_env{{"DRY_RUN", "1"}, {"BASE_URL", "http://lane"}, {"PROJECT", "p"}};
const Env k_shadow_env{{"RUST_BASE_URL", "http://new"}, {"LEGACY_BASE_URL", "http://old"}};

Env with(Env env, const std::string& name, const std::string& value) {
    env[name] = value;
    return env;
}

} // namespace

TEST_CASE("compat: all nine scripts are there, by name and by path") {
    for (const std::string_view name :
         {"run-production-stream-contract-smoke.sh",
          "run-production-stream-cutover.sh",
          "run-production-rust-route-flip.sh",
          "run-staging-dual-run-shadow-diff.sh",
          "canary-rollout.sh",
          "run-canary-rollback-drill.sh",
          "smoke-control.sh",
          "smoke-health.sh",
          "run-vercel-sse-fixture-harness.sh"}) {
        CAPTURE(name);
        CHECK(find_retired(name) != nullptr);
        CHECK(find_retired(fmt::format("apps/openagents.com/deploy/{}", name)) != nullptr);
    }
    CHECK(retired_scripts().size() == 9);
    CHECK(find_retired("oa-stream") == nullptr);
}

TEST_CASE("compat: docs/compat.md is made from the table") {
    CHECK(read_file(OA_SOURCE_DIR "/docs/compat.md").value() == compat_page());
}

TEST_CASE("compat: the new command lines") {
    CHECK(
        now(call("smoke-control.sh", {}, {{"OPENAGENTS_BASE_URL", "http://c"}})) ==
        "smoke control --base-url http://c --profile api-only"
    );
    CHECK(
        now(call(
            "smoke-control.sh",
            {},
            {{"OPENAGENTS_BASE_URL", "http://c"}, {"OPENAGENTS_CONTROL_ACCESS_TOKEN", "t"}}
        )) == "smoke control --base-url http://c --profile api-only --auth "
              "env:OPENAGENTS_CONTROL_ACCESS_TOKEN"
    );
    CHECK(
        now(call(
            k_stream,
            {},
            {{"BASE_URL", "http://l"},
             {"AUTH_TOKEN", "t"},
             {"PHASE", "post-cutover"},
             {"CURL_TIMEOUT_SECONDS", "7"},
             {"COMPAT_SCHEMA_VERSION", "2"}}
        )) == "smoke stream --base-url http://l --auth env:AUTH_TOKEN --first-byte 7s --stall 7s "
              "--id-prefix post-cutover --compat-schema 2"
    );
    CHECK(
        now(call(k_cutover, {"a", "b"}, {{"BASE_URL", "http://l"}})) ==
        "cutover rehearse cutover --set base_url=http://l --set stable=a --set canary=b --set "
        "project=openagentsgemini --set region=us-central1 --set "
        "service=openagents-control-service"
    );
    CHECK(now(call(k_flip, {}, {{"BASE_URL", "http://l"}, {"CONTROL_ACCESS_TOKEN", "t"}}))
              .starts_with("route verify --expect rust --base-url http://l"));
    CHECK(now(call(k_drill, {"a", "b"}, k_drill_env)).starts_with("cutover rehearse cutover "));
    CHECK(
        now(call(k_shadow, {}, with(k_shadow_env, "AUTH_TOKEN", "t"))) ==
        "shadow --base-url http://new --against http://old --p95-delta-at-most 250ms --auth "
        "env:AUTH_TOKEN"
    );
    refused(call("run-vercel-sse-fixture-harness.sh", {}, {}), "oa-stream check FILE");
}

TEST_CASE("compat: a shadow diff needs two lanes, and lets no difference pass") {
    refused(call(k_shadow, {}, {{"RUST_BASE_URL", "http://new"}}), "LEGACY_BASE_URL");
    refused(call(k_shadow, {}, {{"LEGACY_BASE_URL", "http://old"}}), "RUST_BASE_URL");
    for (const char* name :
         {"MAX_CRITICAL_MISMATCHES", "MAX_TOTAL_MISMATCHES", "MAX_STREAM_MISMATCHES"}) {
        CHECK(call(k_shadow, {}, with(k_shadow_env, name, "0")).has_value());
        refused(call(k_shadow, {}, with(k_shadow_env, name, "1")), name);
        refused(call(k_shadow, {}, with(k_shadow_env, name, "none")), name);
    }
    refused(call(k_shadow, {}, with(k_shadow_env, "REQUESTS_FILE", "f.json")), "--prompts FILE");
    refused(call(k_shadow, {}, with(k_shadow_env, "MAX_P95_LATENCY_DELTA_MS", "0")), "1 to");
}

TEST_CASE("compat: every command line of a released command parses") {
    for (const auto& words : {
             call("smoke-control.sh", {}, {{"OPENAGENTS_BASE_URL", "http://c"}})->words,
             call(k_stream, {}, {{"BASE_URL", "http://l"}, {"DRY_RUN", "1"}})->words,
             call(k_cutover, {"a", "b"}, {{"BASE_URL", "http://l"}})->words,
             call(k_drill, {"a", "b"}, k_drill_env)->words,
             call(k_shadow, {}, k_shadow_env)->words,
             call(k_flip, {}, {{"BASE_URL", "http://l"}, {"CONTROL_ACCESS_TOKEN", "t"}})->words,
             call(
                 k_flip,
                 {},
                 {{"BASE_URL", "http://l"}, {"CONTROL_ACCESS_TOKEN", "t"}, {"APPLY", "1"}}
             )
                 ->words,
         }) {
        const auto parsed = parse_command_line(words);
        if (!parsed) {
            FAIL(parsed.error().text());
        }
        CHECK(parsed->command != nullptr);
    }
}

TEST_CASE("fault 2: a token's value never gets into the new command line") {
    const auto words =
        now(call(k_stream, {}, {{"BASE_URL", "http://l"}, {"AUTH_TOKEN", "the-value-of-the-token"}})
        );
    CHECK_FALSE(words.contains("the-value"));
    refused(
        call(
            "smoke-control.sh",
            {},
            {{"OPENAGENTS_BASE_URL", "http://c"}, {"OPENAGENTS_MAINTENANCE_BYPASS_TOKEN", "secret"}}
        ),
        "would be part of a URL"
    );
}

TEST_CASE("fault 4: every number is read before the first action") {
    const Env env{{"BASE_URL", "http://l"}};
    for (const std::string_view name :
         {"SLO_ERROR_BUDGET_CONSUMED_PERCENT", "MAX_ERROR_BUDGET_CONSUMED_PERCENT"}) {
        for (const char* value : {"abc", "-1", "101", "1e1", "5%"}) {
            refused(
                call(k_cutover, {"a", "b"}, with(env, std::string(name), value)),
                fmt::format("{} is '{}', expected a number of 0 to 100", name, value)
            );
        }
    }
    refused(
        call(k_cutover, {"a", "b"}, with(env, "SLO_ERROR_BUDGET_CONSUMED_PERCENT", "5.1")),
        "5.1% of the error budget is consumed, at most 5% may be",
        Code::precondition
    );
    CHECK(call(k_cutover, {"a", "b"}, with(env, "SLO_ERROR_BUDGET_CONSUMED_PERCENT", "4.9")));
}

TEST_CASE("fault 13: a bare drill is refused, and nothing moves traffic but a way back") {
    refused(call(k_drill, {"a", "b"}, {{"BASE_URL", "http://l"}}), "DRY_RUN=1 rehearses");
    refused(call(k_drill, {"a", "b"}, {{"DRY_RUN", "0"}}), "oa-stream rollback drill");
    refused(
        call(k_rollout, {"set-traffic", "a", "b", "5"}, {{"PROJECT", "p"}}),
        "oa-stream cutover plan cutover --set base_url=URL --set stable=a --set canary=b"
    );
    const auto back = call(k_rollout, {"rollback", "a"}, {{"PROJECT", "p"}, {"SERVICE", "s"}});
    CHECK(now(back) == "rollback apply");
    REQUIRE(back->takes_back);
    const std::string service = "/v2/projects/p/locations/us-central1/services/s";
    CHECK(back->takes_back->is("cloud-run:https://run.googleapis.com" + service));
    CHECK_FALSE(back->takes_back->is("cloud-run:https://run.googleapis.com" + service + "-2"));
    CHECK_FALSE(back->takes_back->is("haproxy:" + service));
    refused(call(k_rollout, {"rollback", "a"}, {}), "PROJECT is not set");
    CHECK(now(call(k_rollout, {"rollback", "a"}, {{"DRY_RUN", "1"}})) == "cutover status");
    CHECK(now(call(k_rollout, {"status"}, {})) == "cutover status");
    refused(call(k_rollout, {"deploy-no-traffic", "img"}, {}), "gcloud run deploy");
    for (const std::vector<std::string>& words :
         {std::vector<std::string>{"drill"}, {"drill", "a"}, {"drill", "a", "b", "c"}}) {
        refused(call(k_rollout, words, {{"DRY_RUN", "1"}}), " given, expected status");
    }
    const Env live{{"BASE_URL", "http://l"}, {"DRY_RUN", "0"}, {"AUTH_TOKEN", "t"}};
    CHECK(now(call(k_cutover, {"a", "b"}, live)).starts_with("cutover plan cutover "));
    const Env apply{{"BASE_URL", "http://l"}, {"APPLY", "1"}, {"CONTROL_ACCESS_TOKEN", "t"}};
    CHECK_FALSE(now(call(k_flip, {}, apply)).contains("--apply"));
    CHECK(now(call(k_flip, {}, with(apply, "COHORT_KEY", "k"))).ends_with(" --cohort k"));
    refused(call(k_stream, {}, {{"AUTH_TOKEN", "t"}}), "BASE_URL is not set");
}

TEST_CASE("fault 33: a threshold that never did anything is refused") {
    refused(
        call(k_cutover, {"a", "b"}, {{"BASE_URL", "u"}, {"MAX_CANARY_DRILL_FAILURES", "99"}}),
        "MAX_CANARY_DRILL_FAILURES=99"
    );
}

TEST_CASE("fault 58: the whole list of steps is read before the first one") {
    for (const char* steps : {"5,25,abc", "5,,25", "5,25,", "0,5", "5,101", "5, 25"}) {
        CAPTURE(steps);
        refused(
            call(k_drill, {"a", "b"}, with(k_drill_env, "CANARY_STEPS", steps)), "CANARY_STEPS is '"
        );
    }
    CHECK(call(k_drill, {"a", "b"}, with(k_drill_env, "CANARY_STEPS", "1,5,10")));
}

TEST_CASE("fault 62: percentages are strict decimals: 010 is no 8, and 08 no error of arithmetic") {
    for (const char* percent : {"010", "08", "101", "-1", "+5", "5.5", "5%", " 5", "0x5"}) {
        CAPTURE(percent);
        refused(
            call(k_rollout, {"set-traffic", "a", "b", percent}, {{"DRY_RUN", "1"}}),
            "expected a whole number of 0 to 100"
        );
    }
    for (const char* steps : {"010,20", "08,16"}) {
        refused(
            call(k_drill, {"a", "b"}, with(k_drill_env, "CANARY_STEPS", steps)), "CANARY_STEPS"
        );
    }
}

TEST_CASE("fault 63: steps that fall or repeat are refused") {
    for (const char* steps : {"5,25,25", "25,5", "5,25,10"}) {
        refused(call(k_drill, {"a", "b"}, with(k_drill_env, "CANARY_STEPS", steps)), "rising");
    }
}

TEST_CASE("fault 66: stable and canary must differ") {
    refused(call(k_drill, {"a", "a"}, k_drill_env), "stable and canary are both 'a'");
    refused(call(k_cutover, {"a", "a"}, {{"BASE_URL", "u"}}), "stable and canary are both 'a'");
    refused(call(k_rollout, {"set-traffic", "a", "a", "5"}, {{"DRY_RUN", "1"}}), "are both 'a'");
}

TEST_CASE("fault 67: a switch is 0 or 1, and an unknown word is no yes") {
    for (const char* word : {"true", "yes", "TRUE", "2", "01", " 1", "dry"}) {
        CAPTURE(word);
        refused(
            call(k_drill, {"a", "b"}, with(k_drill_env, "DRY_RUN", word)),
            fmt::format("DRY_RUN is '{}', expected 0 or 1", word)
        );
        refused(call(k_rollout, {"set-traffic", "a", "b", "5"}, {{"DRY_RUN", word}}), "DRY_RUN is");
        refused(call(k_stream, {}, {{"DRY_RUN", word}}), "DRY_RUN is");
        refused(call(k_flip, {}, {{"APPLY", word}}), "APPLY is");
        refused(call(k_cutover, {"a", "b"}, {{"RUN_DUAL_RUN", word}}), "RUN_DUAL_RUN is");
    }
}

TEST_CASE("fault 68: what a run needs is looked for before its first step") {
    refused(call(k_stream, {}, {{"BASE_URL", "u"}}), "AUTH_TOKEN is not set", Code::credentials);
    refused(
        call(k_flip, {}, {{"BASE_URL", "u"}}), "CONTROL_ACCESS_TOKEN is not set", Code::credentials
    );
    refused(
        call(k_cutover, {"a", "b"}, {{"BASE_URL", "u"}, {"DRY_RUN", "0"}}),
        "AUTH_TOKEN is not set",
        Code::credentials
    );
    refused(call(k_rollout, {"set-traffic", "a", "b", "5"}, {{"DRY_RUN", "1"}}), "BASE_URL");
    refused(call("smoke-control.sh", {}, {}), "OPENAGENTS_BASE_URL is not set");
}

TEST_CASE("compat: where a script asked gcloud for the project, it must be set") {
    const std::string_view said = "PROJECT is not set: which project? the script asked gcloud";
    const Env dry{{"DRY_RUN", "1"}, {"BASE_URL", "http://lane"}};
    refused(call(k_rollout, {"set-traffic", "a", "b", "5"}, {}), said);
    refused(call(k_rollout, {"set-traffic", "a", "b", "5"}, dry), said);
    refused(call(k_rollout, {"drill", "a", "b"}, dry), said);
    refused(call(k_drill, {"a", "b"}, dry), said);
    const auto noted = call(k_rollout, {"status"}, {}).value().notes;
    CHECK(noted.front().contains("--set project=ID "));
    CHECK(now(call(k_drill, {"a", "b"}, with(dry, "PROJECT", "staging")))
              .contains("--set project=staging "));
}

TEST_CASE("compat: a wrong number of arguments is a usage error") {
    for (const auto& args : {std::vector<std::string>{}, {"a"}, {"a", "b", "c"}, {"a", ""}}) {
        refused(call(k_cutover, args, {{"BASE_URL", "u"}}), "expected <stable-revision>");
        refused(call(k_drill, args, k_drill_env), "expected <stable-revision>");
    }
    refused(call(k_rollout, {"go"}, {}), "'go' is not an action");
    refused(call(k_stream, {"x"}, {{"BASE_URL", "u"}}), "1 argument is given, expected none");
}

TEST_CASE("compat: a summary of steps has every member that the script wrote") {
    const run::Scratch scratch;
    const Json run = {
        {"id", "20261122T120000Z-rehearsal-00000000"},
        {"verdict", "FAIL"},
        {"headline", "one failed"},
        {"started_at", "2026-11-22T12:00:00.123Z"},
        {"ended_at", "2026-11-22T12:01:00.456Z"},
        {"checks",
         {{{"id", "budget.http"},
           {"verdict", "PASS"},
           {"mode", "asserted"},
           {"detail", "stated"},
           {"data", {{"consumed", 0.02}}}},
          {{"id", "gate.error-rate@5%"}, {"verdict", "FAIL"}, {"detail", "bad | worse"}},
          {{"id", "preflight.auth"}, {"verdict", "SKIPPED"}, {"detail", "none"}}}},
    };
    REQUIRE(write_file_atomic(scratch.path / "run.json", dump_json(run)));
    const OldCall call({"app-1", "app-2"}, [](std::string_view name) -> std::optional<std::string> {
        return name == "DRY_RUN" ? std::optional<std::string>("1") : std::nullopt;
    });
    const std::map<std::string_view, std::vector<std::string>> steps{
        {"run-canary-rollback-drill.sh",
         {"step_id",
          "description",
          "command",
          "status",
          "reason",
          "started_at",
          "ended_at",
          "log_path"}},
        {"run-production-stream-cutover.sh",
         {"step_id", "status", "detail", "artifact", "failure_count", "recorded_at"}},
    };
    for (const auto& [script, members] : steps) {
        CAPTURE(script);
        REQUIRE(emit_old_summary(*find_retired(script), call, scratch.path, scratch.path));
        const auto text = read_file(scratch.path / "summary.json");
        REQUIRE(text);
        const auto summary = parse_json(*text);
        REQUIRE(summary);
        for (const std::string_view name :
             {"base_url", "overall_status", "totals", "project", "region", "service"}) {
            CHECK(summary->contains(name));
        }
        CHECK(summary->at("generated_at") == "20261122T120000Z");
        CHECK(summary->at("dry_run") == true);
        CHECK(summary->at("stable_revision") == "app-1");
        CHECK(summary->at("canary_revision") == "app-2");
        CHECK(summary->at("service") == "openagents-control-service");
        CHECK(summary->at("totals") == Json({{"step_count", 2}, {"passed", 1}, {"failed", 1}}));
        REQUIRE(summary->at("steps").size() == 2);
        for (const Json& step : summary->at("steps")) {
            for (const std::string& member : members) {
                CAPTURE(member);
                CHECK(step.contains(member));
            }
        }
        if (script.contains("cutover")) {
            const Json& gates = summary->at("gates");
            CHECK(gates.at("error_budget").at("observed_consumed_percent") == 2.0);
            CHECK(gates.at("error_budget").at("max_consumed_percent") == 5.0);
            for (const auto* const gate :
                 {"route_flip", "stream_smoke", "canary_drill", "dual_run"}) {
                CHECK(gates.at(gate).at("max_failed") == 0);
            }
            CHECK(gates.at("dual_run").contains("observed_p95_delta_ms"));
            CHECK(summary->at("run_dual_run") == false);
            CHECK(summary->at("steps")[1].at("failure_count") == 1);
            CHECK(summary->at("steps")[1].at("recorded_at") == "2026-11-22T12:01:00Z");
        }
        const auto page = read_file(scratch.path / "SUMMARY.md");
        REQUIRE(page);
        CHECK(page->contains("| gate.error-rate@5% | fail | bad \\| worse |"));
    }
}
