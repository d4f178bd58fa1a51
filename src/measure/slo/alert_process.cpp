// Alerts for single processes and for runs, with the cases that prove them.
#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/verdict.hpp"
#include "oa_stream/measure/matchers.hpp"

#include "alert_table.hpp"
#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

#include <utility>

namespace oa_stream::measure::alerts {
namespace {

constexpr std::string_view k_status = R"(run="cutover-status")";
constexpr double k_minute_s = 60; ///< the rise of a time per minute

std::string verify(std::string_view metric) {
    return fmt::format(R"({}{{run="verify"}})", metric);
}

std::string status(std::string_view metric) {
    return fmt::format("{}{{{}}}", metric, k_status);
}

/// node_exporter collects the files that runs leave, under its own `job` and `instance`; matchers
/// on these labels only select lanes.
bool names_scraper(std::string_view label) {
    return label == "job" || label == "instance";
}

std::string
run_selector(const AlertOptions& options, std::string_view metric, std::string_view matchers) {
    AlertOptions of_runs = options;
    of_runs.matchers.clear();
    const auto parsed = parse_matchers(options.matchers); // alert_rules() has validated them
    for (const Matcher& one : parsed ? *parsed : std::vector<Matcher>{}) {
        if (!names_scraper(one.name)) {
            of_runs.matchers = prometheus::joined(
                of_runs.matchers, one.name + one.op + prometheus::in_quotes(one.value)
            );
        }
    }
    return selector(of_runs, metric, matchers);
}

} // namespace

/// Rules for single processes: the fault of one process does not show in sums over all.
Group process_rules(const AlertOptions& options) {
    Group out{.name = "oa-stream-process", .rules = {}};
    out.rules.push_back({
        .name = "OaStreamDrainLong",
        .expr = fmt::format(
            "{} > 0\nand on (job, instance) max_over_time({}[10m]) == 0\n"
            "unless on (job, instance) {} == 0",
            selector(options, "active_streams", ""),
            selector(options, "ready", ""),
            selector(options, "codex_up", "")
        ),
        .wait = "2m",
        .severity = "ticket",
        .summary = "A lane takes no turns for 10 minutes and still has streams.",
    });
    out.rules.push_back({
        .name = "OaStreamMixedTarget",
        .expr =
            fmt::format("resets({}[10m]) > 1", selector(options, "process_start_time_seconds", "")),
        .wait = "2m",
        .severity = "ticket",
        .summary = "Several processes answer at one target: its numbers mean nothing.",
    });
    return out;
}

/// Rules for runs that report by --textfile.
Group run_rules(const AlertOptions& options) {
    Group out{.name = "oa-stream-runs", .rules = {}};
    out.rules.push_back({
        .name = "OaStreamRunUnverified",
        // The page must not end when the file cannot be scraped for a while.
        .expr = fmt::format(
            "last_over_time({}[1h]) == {}",
            run_selector(options, "run_exit_code", ""),
            std::to_underlying(ExitCode::rollback_unverified)
        ),
        .wait = "0s",
        .severity = "page",
        .summary = "A run left traffic that was not verified.",
    });
    out.rules.push_back({
        .name = "OaStreamRunStatusStale",
        .expr = fmt::format(
            "time() - max_over_time({}[1d]) > 600",
            run_selector(options, "run_end_timestamp_seconds", k_status)
        ),
        .wait = "5m",
        .severity = "ticket",
        .summary = "Nothing tells whether a run left traffic that was not verified.",
    });
    out.rules.push_back({
        .name = "OaStreamVerificationStale",
        .expr = fmt::format(
            "time() - {} > 8 * 86400", run_selector(options, "run_last_pass_timestamp_seconds", "")
        ),
        .wait = "5m",
        .severity = "ticket",
        .summary = "No verification passed for 8 days.",
    });
    return out;
}

Labels run_labels(const AlertOptions& options) {
    Labels out = selected_labels(options);
    std::erase_if(out, [](const auto& label) { return names_scraper(label.first); });
    out.emplace_back("job", "node");
    return out;
}

Labels case_labels(const AlertOptions& options, std::string_view name, std::string_view value) {
    Labels out = selected_labels(options);
    if (!contains(out, name, &Labels::value_type::first)) {
        out.emplace_back(name, value);
    }
    return out;
}

std::vector<Case> process_cases(const AlertOptions& options) {
    const Labels lane = case_labels(options, "example", "a");
    Labels run = run_labels(options);
    run.emplace_back("run", "verify");
    Labels timer = run_labels(options);
    timer.emplace_back("run", "cutover-status");
    constexpr double k_nine_days = -9.0 * 86400; // promtool's clock begins at 0
    return {
        {.name = "a lane takes no turns and keeps its streams",
         .changes =
             {{.name = here("ready"), .constant = 0},
              {.name = here("active_streams"), .constant = 2}},
         .firing = {{"OaStreamDrainLong", lane}}},
        {.name = "a lane takes no turns and has no streams",
         .changes = {{.name = here("ready"), .constant = 0}}},
        {.name = "processes answer in turn",
         .changes = {{.name = here("process_start_time_seconds"), .turns = {100, 200}}},
         .firing = {{"OaStreamMixedTarget", lane}}},
        {.name = "a run left traffic unverified",
         .changes = {{.name = status("run_exit_code"), .constant = 8}},
         .firing = {{"OaStreamRunUnverified", timer}}},
        {.name = "no metric shows whether a run left traffic unverified",
         .changes =
             {{.name = status("run_exit_code"), .constant = 8, .until = k_minutes - 20},
              {.name = status("run_end_timestamp_seconds"), .pieces = {{k_minute_s, k_minutes - 20}}
              }},
         .firing = {{"OaStreamRunUnverified", timer}, {"OaStreamRunStatusStale", timer}}},
        {.name = "no verification passed for nine days",
         .changes = {{.name = verify("run_last_pass_timestamp_seconds"), .constant = k_nine_days}},
         .firing = {{"OaStreamVerificationStale", run}}},
    };
}

std::vector<Series> healthy_process(int minutes) {
    std::vector<Series> out{
        {.name = status("run_exit_code"), .constant = 0},
        {.name = status("run_end_timestamp_seconds"), .pieces = {{k_minute_s, minutes}}},
        {.name = status("run_last_pass_timestamp_seconds"), .constant = 0},
        {.name = verify("run_exit_code"), .constant = 0},
        {.name = verify("run_last_pass_timestamp_seconds"), .constant = 0},
    };
    for (const auto& [name, value] :
         {std::pair("ready", 1.0), {"active_streams", 0.0}, {"process_start_time_seconds", 100.0}
         }) {
        out.push_back({.name = here(name), .constant = value});
    }
    return out;
}

} // namespace oa_stream::measure::alerts
