// Alerts for missing data: a sum over nothing is not zero errors, so every ratio would stay quiet.
#include "alert_table.hpp"
#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

namespace oa_stream::measure::alerts {
namespace {

/// The total rise of a metric, 0 where no series exists.
std::string or_none(const AlertOptions& options, std::string_view metric) {
    return fmt::format(
        "(sum({}) or vector(0))", risen(options, selector(options, metric, ""), "15m")
    );
}

} // namespace

std::string
risen(const AlertOptions& options, const std::string& counter, std::string_view window) {
    return prometheus::risen(counter, selector(options, "process_start_time_seconds", ""), window);
}

Group silence_rules(const AlertOptions& options) {
    Group out{.name = "oa-stream-silence", .rules = {}};
    const std::string enough =
        fmt::format("oa_stream:turns_accepted:increase15m >= {}", options.least_total);
    out.rules.push_back({
        .name = "oa_stream:turns_accepted:increase15m",
        .expr = fmt::format(
            "sum({})", risen(options, selector(options, "bridge_accepted_total", ""), "15m")
        ),
        .records = true,
    });
    out.rules.push_back({
        .name = "OaStreamTerminalsLost",
        // Turns that still run are added, so that long turns do not count as lost.
        .expr = fmt::format(
            "{0}\nand {1} + (sum({2}) or vector(0)) < 0.5 * oa_stream:turns_accepted:increase15m",
            enough,
            or_none(options, "terminal_total"),
            selector(options, "active_streams", "")
        ),
        .wait = "5m",
        .severity = "page",
        .summary = "Turns are accepted, and the ends of most of them are not reported.",
    });
    out.rules.push_back({
        .name = "OaStreamFirstContentAbsent",
        // A completion that is not streamed has no first content, so only stream routes count.
        .expr = fmt::format(
            "sum({}) >= {}\nand {} == 0",
            risen(
                options, selector(options, "bridge_accepted_total", R"(route=~"/api/.*")"), "15m"
            ),
            options.least_total,
            or_none(options, "first_content_seconds_count")
        ),
        .wait = "5m",
        .severity = "ticket",
        .summary = "Turns are accepted, and no first content is reported.",
    });
    out.rules.push_back({
        .name = "OaStreamTargetDown",
        .expr = fmt::format(
            "{} == 0\nand on (job, instance) last_over_time({}[1d])",
            options.matchers.empty() ? "up" : fmt::format("up{{{}}}", options.matchers),
            selector(options, "ready", "")
        ),
        .wait = "5m",
        .severity = "ticket",
        .summary = "A lane can no longer be scraped.",
    });
    return out;
}

std::vector<Case> silence_cases(const AlertOptions& options) {
    const double turns = turns_per_minute(options);
    std::vector<Series> silent;
    std::vector<Series> few;
    std::vector<Series> late;
    for (const auto& route : k_case_routes) {
        const auto of = [&](std::string_view metric, std::string_view labels) {
            return fmt::format(R"({}{{{}route="{}"}})", metric, labels, route.pattern);
        };
        const std::string completed = of("terminal_total", R"(class="completed",)");
        silent.push_back({.name = of("first_content_seconds_count", "")});
        few.push_back({.name = completed, .pieces = {{turns * 0.4, k_minutes}}});
        late.push_back({.name = completed, .pieces = {{turns * 0.8, k_minutes}}});
    }
    const Series down{.name = "up{example=\"a\"}", .constant = 0, .foreign = true};
    return {
        {.name = "the ends of most turns are not reported",
         .changes = few,
         .firing = {{"OaStreamTerminalsLost", {}}}},
        {.name = "some turns last long", .changes = late},
        {.name = "no first content is reported",
         .changes = silent,
         .firing = {{"OaStreamFirstContentAbsent", {}}}},
        {.name = "one target is down",
         .changes = {down},
         .firing = {{"OaStreamTargetDown", case_labels(options, "example", "a")}}},
    };
}

} // namespace oa_stream::measure::alerts
