// Writes summary.json and SUMMARY.md of an ended run, in the format of the retired scripts.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/markup.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/run/files.hpp"
#include "oa_stream/run/kept_file.hpp"

#include "compat_rows.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::cli {
namespace {

/// The scripts only had pass and fail; they had no skipped checks.
std::string old_status(const Json& check) {
    const auto verdict = verdict_of(text_in(check, "verdict"));
    return verdict == Verdict::pass ? "pass" : verdict == Verdict::skipped ? "skip" : "fail";
}

/// The scripts' times had whole seconds.
std::string seconds(std::string time) {
    if (const auto dot = time.find('.'); dot != std::string::npos) {
        time.erase(dot, time.size() - 1 - dot);
    }
    return time;
}

/// 20260224T101500Z, the format of the scripts' names; null without a time.
Json old_stamp(std::string_view time) {
    const auto read = parse_rfc3339(time);
    return read ? Json(compact_utc(*read)) : Json();
}

enum class Old { text, flag, argument, off };
/// A member of a summary as the script wrote it: an environment variable with its default, the
/// argument of that number, or a value that can no longer be configured.
struct OldMember {
    std::string_view name;
    Old kind = Old::text;
    std::string_view variable{};
    std::string_view fallback{};
    std::size_t argument = 0;
};
struct OldSummary {
    std::string_view schema;
    std::span<const OldMember> members;
    /// Members of each check or step, in addition to the common ones.
    std::span<const std::string_view> row;
    bool skips = false; ///< it had skipped checks
};

constexpr std::array k_smoke_members{
    OldMember{"phase", Old::text, "PHASE", "runtime"}, OldMember{"dry_run", Old::flag, "DRY_RUN"}
};
constexpr std::array<std::string_view, 4> k_smoke_row{
    "endpoint", "http_status", "headers_path", "body_path"
};
constexpr OldMember k_stable{"stable_revision", Old::argument, {}, {}, 0};
constexpr OldMember k_canary{"canary_revision", Old::argument, {}, {}, 1};
constexpr OldMember k_project{"project", Old::text, "PROJECT", "openagentsgemini"};
constexpr OldMember k_own_project{"project", Old::text, "PROJECT"}; ///< default: gcloud's project
constexpr OldMember k_region{"region", Old::text, "REGION", "us-central1"};
constexpr OldMember k_service{"service", Old::text, "SERVICE", "openagents-control-service"};
constexpr std::array k_cutover_members{
    OldMember{"dry_run", Old::flag, "DRY_RUN", "1"},
    OldMember{"apply_route_flip", Old::off},
    OldMember{"run_dual_run", Old::off},
    k_stable,
    k_canary,
    k_project,
    k_region,
    k_service,
};
constexpr std::array<std::string_view, 2> k_cutover_row{"artifact", "failure_count"};
constexpr std::array k_drill_members{
    OldMember{"dry_run", Old::flag, "DRY_RUN"},
    k_stable,
    k_canary,
    k_own_project,
    k_region,
    k_service
};
constexpr std::array<std::string_view, 6> k_drill_row{
    "description", "command", "reason", "started_at", "ended_at", "log_path"
};
constexpr std::array k_flip_members{
    OldMember{"cohort_key", Old::text, "COHORT_KEY", "prod-rust-route-flip"},
    OldMember{"apply", Old::flag, "APPLY"},
};
constexpr std::array<std::string_view, 4> k_flip_row{"kind", "path", "http_status", "artifact"};
constexpr std::array k_summaries{
    OldSummary{"production_stream_smoke", k_smoke_members, k_smoke_row},
    OldSummary{"production_stream_cutover", k_cutover_members, k_cutover_row},
    OldSummary{"canary_drill", k_drill_members, k_drill_row},
    OldSummary{"route_flip", k_flip_members, k_flip_row, true},
};

Json value_of(const OldMember& member, const OldCall& call) {
    switch (member.kind) {
    case Old::text:
        return call.text(member.variable, member.fallback);
    case Old::flag:
        return call.text(member.variable, member.fallback) == "1";
    case Old::argument:
        return member.argument < call.args().size() ? Json(call.args()[member.argument]) : Json();
    case Old::off:
        break;
    }
    return false;
}

/// The run's value for a member; null for other members, so that a reader finds them.
Json of_row(std::string_view name, const Json& run, std::string_view status, const Json& check) {
    if (name == "failure_count") {
        return status == "fail" ? 1 : 0;
    }
    if (name == "started_at" || name == "ended_at") {
        return seconds(text_in(run, name));
    }
    if (name == "description") {
        return text_in(check, "detail");
    }
    if (name == "reason" && status == "fail") {
        return "command_failed";
    }
    return nullptr;
}

/// The error budget as numbers: measured where a source did, otherwise as stated.
Json budget_of(const Json& run) {
    Json out = {{"observed_consumed_percent", nullptr}, {"max_consumed_percent", nullptr}};
    for (const Json& check : list_in(run, "checks")) {
        const Json* data =
            text_in(check, "id").starts_with("budget.") ? member(check, "data") : nullptr;
        const auto consumed = data == nullptr ? std::nullopt : number_in(*data, "consumed");
        if (consumed) {
            out["observed_consumed_percent"] = *consumed * 100;
            out["detail"] = text_in(check, "detail");
            out["mode"] = text_in(check, "mode");
        }
    }
    return out;
}

Result<Json> cutover_gates(const OldCall& call, const Json& run) {
    Json budget = budget_of(run);
    OA_TRY(const double most, call.percent("MAX_ERROR_BUDGET_CONSUMED_PERCENT", 5));
    budget["max_consumed_percent"] = most;
    if (call.given("SLO_ERROR_BUDGET_CONSUMED_PERCENT")) {
        OA_TRY(budget["stated_percent"], call.percent("SLO_ERROR_BUDGET_CONSUMED_PERCENT", 0));
    }
    // No longer counted separately: all failures are in the totals.
    const Json apart = {{"observed_failed", nullptr}, {"max_failed", 0}};
    Json dual = apart;
    dual["observed_p95_delta_ms"] = nullptr;
    return Json{
        {"route_flip", apart},
        {"stream_smoke", apart},
        {"canary_drill", apart},
        {"dual_run", std::move(dual)},
        {"error_budget", std::move(budget)},
    };
}

} // namespace

Result<void> emit_old_summary(
    const RetiredScript& script,
    const OldCall& call,
    const std::filesystem::path& folder,
    const std::filesystem::path& evidence
) {
    OA_TRY(const Json run, run::kept_json(evidence / run::k_document_file));
    const bool steps = script.steps;
    int passed = 0;
    int failed = 0;
    int skipped = 0;
    const auto* const old = std::ranges::find(k_summaries, script.emits, &OldSummary::schema);
    Json list = Json::array();
    std::string table =
        fmt::format("| {} | status | detail |\n| --- | --- | --- |\n", steps ? "step" : "check");
    for (const Json& check : list_in(run, "checks")) {
        const std::string status = old_status(check);
        if (status == "skip" && !old->skips) {
            continue;
        }
        (status == "pass" ? passed : status == "skip" ? skipped : failed) += 1;
        const std::string id = text_in(check, "id");
        const std::string detail = text_in(check, "detail");
        Json row = {
            {steps ? "step_id" : "check_id", id},
            {"status", status},
            {"detail", detail},
            {"recorded_at", seconds(text_in(run, "ended_at"))},
        };
        for (const std::string_view name : old->row) {
            row[std::string(name)] = of_row(name, run, status, check);
        }
        list.push_back(std::move(row));
        table += fmt::format("| {} | {} | {} |\n", table_cell(id), status, table_cell(detail));
    }
    // The scripts reported "passed" for a run that decided nothing; this does not.
    const bool good = text_in(run, "verdict") == to_string(Verdict::pass);
    Json out = {
        {"schema", fmt::format("openagents.webparity.{}.v1", script.emits)},
        {"generated_at", old_stamp(text_in(run, "started_at"))},
        {"base_url", call.text("BASE_URL", call.text("OPENAGENTS_BASE_URL"))},
        {"totals",
         {{steps ? "step_count" : "check_count", passed + failed + skipped},
          {"passed", passed},
          {"failed", failed}}},
        {"overall_status", good ? "passed" : "failed"},
        {steps ? "steps" : "checks", std::move(list)},
        {"oa_stream",
         {{"run", text_in(run, "id")},
          {"verdict", text_in(run, "verdict")},
          {"evidence", evidence.string()}}},
    };
    for (const OldMember& member : old->members) {
        out[std::string(member.name)] = value_of(member, call);
    }
    if (old->skips) {
        out["totals"]["skipped"] = skipped;
    }
    if (script.emits == "production_stream_cutover") {
        OA_TRY(out["gates"], cutover_gates(call, run));
    }
    OA_CHECK(write_file_atomic(folder / k_old_files[0], json_document(out)));
    return write_file_atomic(
        folder / k_old_files[1],
        fmt::format(
            "# {}\n\n- overall status: {}\n- verdict: {}\n- run: {}\n- {}\n\n{}",
            script.name,
            good ? "passed" : "failed",
            text_in(run, "verdict"),
            text_in(run, "id"),
            text_in(run, "headline"),
            table
        )
    );
}

} // namespace oa_stream::cli
