// The replacements of the retired scripts that moved traffic and routes: they only show, and never
// write.
#include "oa_stream/base/lines.hpp"
#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/text.hpp"

#include "compat_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace oa_stream::cli {
namespace {

Result<void> two_revisions(const std::string& stable, const std::string& canary) {
    if (stable == canary) {
        return fail(
            Code::usage, fmt::format("stable and canary are both '{}'", printable(stable, 60))
        );
    }
    return {};
}

/// Two scripts queried gcloud when no project was given.
Result<std::string> old_project(const OldCall& call) {
    return call.needed("PROJECT", "which project? the script asked gcloud");
}

/// Includes the scripts' own defaults.
OldService service_of(const OldCall& call, const std::string& project) {
    return {
        .project = project,
        .region = call.text("REGION", "us-central1"),
        .service = call.text("SERVICE", "openagents-control-service"),
    };
}

/// "--set project=… --set region=… --set service=…".
void add_service(Words& words, const OldService& service) {
    add(words, {names::set, "project=" + service.project});
    add(words, {names::set, "region=" + service.region});
    add(words, {names::set, "service=" + service.service});
}

Words plan_words(
    std::string_view verb,
    const OldCall& call,
    const std::string& project,
    const std::string& stable,
    const std::string& canary
) {
    Words words{"cutover", std::string(verb), "cutover"};
    add(words, {names::set, "base_url=" + call.text("BASE_URL", "URL")});
    add(words, {names::set, "stable=" + stable});
    add(words, {names::set, "canary=" + canary});
    add_service(words, service_of(call, project));
    return words;
}

/// The words as a suggested command.
Suggestion suggestion_of(const Words& words) {
    return {words[0] + " " + words[1], {words.begin() + 2, words.end()}};
}

Result<void> check_thresholds(const OldCall& call) {
    for (const std::string_view name :
         {"MAX_ROUTE_FLIP_FAILURES",
          "MAX_STREAM_SMOKE_FAILURES",
          "MAX_CANARY_DRILL_FAILURES",
          "MAX_DUAL_RUN_FAILURES"}) {
        OA_TRY(const std::uint64_t allowed, call.number(name, 0, 1000000, 0));
        if (allowed > 0) {
            return fail(
                Code::usage,
                fmt::format("{}={}: a failed check fails the run, and always did", name, allowed),
                {},
                "leave it out"
            );
        }
    }
    OA_TRY(const double most, call.percent("MAX_ERROR_BUDGET_CONSUMED_PERCENT", 5));
    OA_TRY(const double stated, call.percent("SLO_ERROR_BUDGET_CONSUMED_PERCENT", 0));
    if (stated > most) {
        return fail(
            Code::precondition,
            fmt::format(
                "{:g}% of the error budget is consumed, at most {:g}% may be", stated, most
            ),
            "SLO_ERROR_BUDGET_CONSUMED_PERCENT"
        );
    }
    return {};
}

Result<void> refuse_parts(const OldCall& call) {
    OA_TRY(const bool flip, call.flag("APPLY_ROUTE_FLIP", false));
    OA_TRY(const bool dual, call.flag("RUN_DUAL_RUN", false));
    if (flip) {
        return fail(
            Code::usage,
            "the route flip is not a part of a cutover: no route of the stream lane follows it",
            "APPLY_ROUTE_FLIP",
            Suggestion{
                "route set",
                {"rust", names::base_url, "URL", names::auth, "env:CONTROL_ACCESS_TOKEN"}
            }
        );
    }
    if (dual) {
        return fail(
            Code::usage,
            "a dual run is a command of its own, or a step of the playbook; nothing was started",
            "RUN_DUAL_RUN",
            "RUN_DUAL_RUN=0 and: " +
                Suggestion{"shadow", {names::base_url, "URL", names::against, "URL"}}
        );
    }
    return {};
}

Result<Replacement> set_traffic(const OldCall& call, bool dry) {
    OA_CHECK(call.takes(4, k_rollout_usage));
    const auto percent = parse_count(call.args()[3], 0, 100);
    if (!percent) {
        return fail(
            Code::usage,
            fmt::format(
                "the percentage is '{}', expected a whole number of 0 to 100",
                printable(call.args()[3], 40)
            )
        );
    }
    const std::string& stable = call.args()[1];
    const std::string& canary = call.args()[2];
    OA_CHECK(two_revisions(stable, canary));
    if (dry) {
        OA_CHECK(call.needed("BASE_URL", "a rehearsal asks the lane itself"));
    }
    OA_TRY(const std::string project, old_project(call));
    Words words = plan_words(dry ? "rehearse" : "plan", call, project, stable, canary);
    if (!dry) {
        add(words, {names::out, "plan.json"});
        return fail(
            Code::usage,
            "it moved traffic at once, without a gate or a rollback",
            "set-traffic",
            suggestion_of(words) + ", then " + Suggestion{"cutover apply", {"plan.json"}}
        );
    }
    return Replacement{
        std::move(words), {fmt::format("all stages are rehearsed, not {}% alone", *percent)}
    };
}

/// A run of this machine moved the traffic; its rollback is verified.
Result<Replacement> give_back(const OldCall& call, bool dry) {
    OA_CHECK(call.takes(2, k_rollout_usage));
    if (dry) {
        return Replacement{
            {"cutover", "status"}, {"DRY_RUN=1: this is what a rollback would undo"}
        };
    }
    OA_TRY(const std::string project, old_project(call));
    return Replacement{
        .words = {"rollback", "apply"},
        .notes = {fmt::format(
            "what serves goes back to what served before the run, not to {} at once; for traffic "
            "that no run moved: {}",
            printable(call.args()[1], 60),
            Suggestion{"rollback plan", {"rollback"}}.text()
        )},
        .takes_back = service_of(call, project),
    };
}

Result<void> check_steps(const std::string& text) {
    std::uint64_t before = 0;
    for (const std::string_view piece : pieces_of(text, ',')) {
        const auto step = parse_count(piece, 1, 100);
        if (!step || *step <= before) {
            return fail(
                Code::usage,
                fmt::format(
                    "CANARY_STEPS is '{}', expected rising whole numbers of 1 to 100, like "
                    "5,25,50,100",
                    printable(text, 60)
                )
            );
        }
        before = *step;
    }
    return {};
}

Result<Replacement>
drill_of(const OldCall& call, const std::string& stable, const std::string& canary, bool dry) {
    OA_CHECK(check_steps(call.text("CANARY_STEPS", "5,25,50,100")));
    OA_CHECK(two_revisions(stable, canary));
    if (!dry) {
        return fail(
            Code::usage,
            "a bare drill took production's traffic to 100% of the canary and back",
            "DRY_RUN",
            "DRY_RUN=1 rehearses; live: " + Suggestion{"rollback drill", {"my-drill.yaml"}} +
                ", a playbook of kind rollback-drill (" +
                Suggestion{"playbook show", {"rollback-drill"}} + ")"
        );
    }
    OA_CHECK(old_base_url(call));
    OA_TRY(const std::string project, old_project(call));
    Replacement out{plan_words("rehearse", call, project, stable, canary)};
    if (call.given("CANARY_STEPS")) {
        out.notes.emplace_back("CANARY_STEPS is right, but the stages are the playbook's");
    }
    return out;
}

} // namespace

bool OldService::is(std::string_view target) const {
    return target.starts_with("cloud-run:") &&
           target.ends_with(
               fmt::format("/v2/projects/{}/locations/{}/services/{}", project, region, service)
           );
}

// run-production-stream-cutover.sh
// -------------------------------------------------------------------

Result<Replacement> cutover(const OldCall& call) {
    OA_CHECK(call.takes(2, "<stable-revision> <canary-revision>"));
    OA_TRY(const bool dry, call.flag("DRY_RUN", true));
    OA_CHECK(refuse_parts(call));
    OA_CHECK(check_thresholds(call));
    const std::string& stable = call.args()[0];
    const std::string& canary = call.args()[1];
    OA_CHECK(two_revisions(stable, canary));
    OA_CHECK(old_base_url(call));
    const std::string project = call.text("PROJECT", "openagentsgemini");
    Replacement out;
    if (dry) {
        out.words = plan_words("rehearse", call, project, stable, canary);
    } else {
        OA_CHECK(call.needs_token("AUTH_TOKEN", "the bearer token of a user"));
        out.words = plan_words("plan", call, project, stable, canary);
        add(out.words, {names::out, "plan.json"});
        out.notes.emplace_back(
            "nothing is moved yet: read the plan, then " +
            Suggestion{"cutover apply", {"plan.json"}}.text()
        );
    }
    if (call.given("SLO_ERROR_BUDGET_CONSUMED_PERCENT")) {
        const Words stated{
            names::asserted_budget,
            call.text("SLO_ERROR_BUDGET_CONSUMED_PERCENT") + "%",
            names::reason,
            "SLO_ERROR_BUDGET_CONSUMED_PERCENT of run-production-stream-cutover.sh"
        };
        if (dry) {
            out.words.insert(out.words.end(), stated.begin(), stated.end());
        }
        out.notes.emplace_back(
            dry ? "the error budget is kept as stated; what a source measures decides"
                : fmt::format(
                      "state the error budget when you apply: {} {} {} TEXT",
                      stated[0],
                      stated[1],
                      stated[2]
                  )
        );
    }
    return out;
}

// run-production-rust-route-flip.sh
// ------------------------------------------------------------------

Result<Replacement> route_flip(const OldCall& call) {
    OA_CHECK(call.takes(0, ""));
    OA_TRY(const bool apply, call.flag("APPLY", false));
    OA_TRY(const std::uint64_t limit, call.number("CURL_TIMEOUT_SECONDS", 1, k_longest_s, 15));
    OA_TRY(const std::string url, old_base_url(call));
    OA_CHECK(call.needs_token("CONTROL_ACCESS_TOKEN", "the bearer token of an administrator"));
    Replacement out;
    out.words =
        apply ? Words{"route", "set", "rust"} : Words{"route", "verify", names::expect, "rust"};
    add(out.words, {names::base_url, url, names::auth, "env:CONTROL_ACCESS_TOKEN"});
    add(out.words, {names::timeout, fmt::format("{}s", limit)});
    add(out.words, {names::cohort, call.text("COHORT_KEY", "prod-rust-route-flip")});
    if (apply) {
        out.notes.emplace_back("nothing is written yet: the same with --apply carries it out");
    }
    out.notes.emplace_back("no route of the stream lane follows this: /api is pinned before it");
    return out;
}

// canary-rollout.sh
// ----------------------------------------------------------------------------------

Result<Replacement> rollout(const OldCall& call) {
    OA_TRY(const bool dry, call.flag("DRY_RUN", false));
    const std::string action = call.args().empty() ? std::string() : call.args().front();
    if (action == "set-traffic") {
        return set_traffic(call, dry);
    }
    if (action == "rollback") {
        return give_back(call, dry);
    }
    if (action == "drill") {
        OA_CHECK(call.takes(3, k_rollout_usage));
        return drill_of(call, call.args()[1], call.args()[2], dry);
    }
    if (action == "status") {
        OA_CHECK(call.takes(1, k_rollout_usage));
        return Replacement{
            {"cutover", "status"},
            {"these are the runs that are not over; what serves now is the first line of a plan: " +
             suggestion_of(
                 plan_words("plan", call, call.text("PROJECT", "ID"), "REVISION", "REVISION")
             )
                 .text()}
        };
    }
    if (action == "deploy-no-traffic") {
        OA_CHECK(call.takes(2, k_rollout_usage));
        return fail(
            Code::usage,
            "images are not deployed by oa-stream",
            "deploy-no-traffic",
            fmt::format(
                "gcloud run deploy {} --image {} --no-traffic",
                call.text("SERVICE", "openagents-control-service"),
                call.args()[1]
            )
        );
    }
    return fail(
        Code::usage,
        fmt::format("'{}' is not an action, expected {}", printable(action, 40), k_rollout_usage)
    );
}

// run-canary-rollback-drill.sh
// -----------------------------------------------------------------------

Result<Replacement> drill(const OldCall& call) {
    OA_CHECK(call.takes(2, "<stable-revision> <canary-revision>"));
    OA_TRY(const bool dry, call.flag("DRY_RUN", false));
    return drill_of(call, call.args()[0], call.args()[1], dry);
}

} // namespace oa_stream::cli
