// summary.json and SUMMARY.md as the retired scripts wrote them, of a run that has ended.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/json_members.hpp"
#include "oa_stream/base/rfc3339.hpp"

#include "compat_rows.hpp"

#include <fmt/format.h>

namespace oa_stream::cli {
namespace {

/// The scripts knew two ends; a check that was skipped was none.
std::string old_status(const Json& check) {
    const std::string verdict = text_in(check, "verdict");
    return verdict == "PASS" ? "pass" : verdict == "SKIPPED" ? "skip" : "fail";
}

std::string cell(std::string_view text) {
    std::string out;
    for (const char c : text) {
        out += c == '|' ? std::string("\\|") : std::string(1, c == '\n' ? ' ' : c);
    }
    return out;
}

/// What the error budget was, as a number: measured where a source did, else as it was stated.
Json budget_of(const Json& run) {
    Json out = {{"observed_consumed_percent", nullptr}, {"max_consumed_percent", nullptr}};
    const Json* checks = member(run, "checks");
    for (const Json& check : checks == nullptr ? Json::array() : *checks) {
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

} // namespace

Result<void> emit_old_summary(
    const RetiredScript& script,
    const OldCall& call,
    const std::filesystem::path& folder,
    const std::filesystem::path& evidence
) {
    OA_TRY(const std::string text, read_file(evidence / "run.json"));
    OA_TRY(const Json run, parse_json(text));
    const bool steps = script.steps;
    int passed = 0;
    int failed = 0;
    Json list = Json::array();
    std::string table =
        fmt::format("| {} | status | detail |\n| --- | --- | --- |\n", steps ? "step" : "check");
    const Json* checks = member(run, "checks");
    for (const Json& check : checks == nullptr ? Json::array() : *checks) {
        const std::string status = old_status(check);
        if (status == "skip") {
            continue;
        }
        (status == "pass" ? passed : failed) += 1;
        const std::string id = text_in(check, "id");
        const std::string detail = text_in(check, "detail");
        list.push_back(
            {{steps ? "step_id" : "check_id", id},
             {"status", status},
             {"detail", detail},
             {"recorded_at", text_in(run, "ended_at")}}
        );
        table += fmt::format("| {} | {} | {} |\n", cell(id), status, cell(detail));
    }
    // A run that decided nothing was "passed" once; it is no longer.
    const bool good = text_in(run, "verdict") == "PASS";
    Json out = {
        {"schema", fmt::format("openagents.webparity.{}.v1", script.emits)},
        {"generated_at", rfc3339_millis(std::chrono::system_clock::now())},
        {"base_url", call.text("BASE_URL", call.text("OPENAGENTS_BASE_URL"))},
        {"totals",
         {{steps ? "step_count" : "check_count", passed + failed},
          {"passed", passed},
          {"failed", failed}}},
        {"overall_status", good ? "passed" : "failed"},
        {steps ? "steps" : "checks", std::move(list)},
        {"oa_stream",
         {{"run", text_in(run, "id")},
          {"verdict", text_in(run, "verdict")},
          {"evidence", evidence.string()}}},
    };
    if (steps) {
        Json budget = budget_of(run);
        OA_TRY(const double most, call.percent("MAX_ERROR_BUDGET_CONSUMED_PERCENT", 5));
        budget["max_consumed_percent"] = most;
        if (call.given("SLO_ERROR_BUDGET_CONSUMED_PERCENT")) {
            OA_TRY(budget["stated_percent"], call.percent("SLO_ERROR_BUDGET_CONSUMED_PERCENT", 0));
        }
        out["gates"] = {{"error_budget", std::move(budget)}};
    }
    OA_CHECK(write_file_atomic(folder / "summary.json", out.dump(2) + "\n"));
    return write_file_atomic(
        folder / "SUMMARY.md",
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
