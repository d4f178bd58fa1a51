// slo rules: writes Prometheus rules and their promtool tests into a folder.
#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "slo_args.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <filesystem>

namespace oa_stream::cli {

namespace {

struct Options {
    std::optional<std::string> out{};
    measure::AlertOptions rules{};
};
/// The rules' tests cover three days: an alert that keeps firing for too long would look like slow
/// burning.
constexpr std::int64_t k_longest_keep = Millis(std::chrono::hours(2)).count();
constexpr auto k_out = option<&Options::out>(
    names::out, "DIR", "Write the files to this folder. It is created if missing."
);

/// "2.5s", "2500ms", "2.5" → "2.5": the form of the bound in the lane's `le` label.
Result<std::string> parse_bound(std::string_view text, std::span<const double> bounds) {
    auto time = parse_duration(text);
    if (!time) {
        time = parse_duration(fmt::format("{}s", text));
    }
    for (const double bound : bounds) {
        if (time && seconds(*time) == bound) {
            return fmt::format("{}", bound);
        }
    }
    return fail(
        Code::usage,
        fmt::format("'{}' is not a bound of the lane's histogram", printable(text, 40)),
        {},
        fmt::format("one of {} seconds", fmt::join(bounds, ", "))
    );
}

Result<std::string> read_first_content(std::string_view text) {
    return parse_bound(text, telemetry::k_first_content_bounds);
}
Result<std::string> read_duration_bound(std::string_view text) {
    return parse_bound(text, telemetry::k_duration_bounds);
}
Result<ExitCode> run(const Options& options, Context& context) {
    const auto& folder = options.out;
    if (!folder) {
        return fail(
            Code::usage,
            "no folder was named",
            std::string(k_out.name),
            Suggestion{"slo rules", {names::out, "rules"}}
        );
    }
    OA_TRY(const auto files, measure::alert_rules(options.rules));
    OA_CHECK(make_dirs(*folder));
    Json document = plain_answer();
    document["files"] = Json::array();
    for (const measure::TextFile& file : files) {
        const auto path = std::filesystem::path(*folder) / file.name;
        OA_CHECK(write_file_atomic(path, file.text));
        document["files"].push_back(path.string());
        if (!context.json && !context.quiet) {
            context.out(path.string() + "\n");
        }
    }
    if (context.json) {
        print_document("slo-rules", document, context);
    }
    return ExitCode::ok;
}

using measure::AlertOptions;
constexpr std::int64_t k_most_events = 1'000'000;
constexpr auto k_options = options<Options>(
    k_out,
    parsed<read_exact_share, &Options::rules, &AlertOptions::objective>(
        names::objective, "SHARE", "Require this share of good requests."
    )
        .or_else(measure::usual::k_objective.text),
    parsed<read_first_content, &Options::rules, &AlertOptions::first_content>(
        names::first_content, "TIME", "Limit the p95 of the first content to this. A bucket bound."
    )
        .or_else(measure::usual::k_first_content_s.text),
    parsed<read_duration_bound, &Options::rules, &AlertOptions::duration>(
        "--duration", "TIME", "Limit the p95 of whole turns to this. A bucket bound."
    )
        .or_else("30s"),
    option<&Options::rules, &AlertOptions::least_bad>(
        names::min_bad, "N", "Do not alert on a ratio with fewer bad events in its window."
    )
        .range(1, k_most_events)
        .or_else(measure::usual::k_least_bad.text),
    option<&Options::rules, &AlertOptions::least_total>(
        names::min_total, "N", "Do not alert on a ratio with fewer events in its window."
    )
        .range(1, k_most_events)
        .or_else(measure::usual::k_least_total.text),
    option<&Options::rules, &AlertOptions::keep>(
        "--keep-firing",
        "D",
        "Keep an alert of a ratio firing until the ratio was within its limit for this time. 0s: "
        "end it at once."
    )
        .range(0, k_longest_keep)
        .or_else("15m"),
    parsed<read_matchers, &Options::rules, &AlertOptions::matchers>(
        names::match, "MATCHERS", "Add label matchers to every selector: job=\"lane\"."
    ),
    option<&Options::rules, &AlertOptions::runbook>(
        "--runbook", "URL", "Link each alert to its section of on-call.md at this address."
    )
        .or_else("docs/on-call.md"),
    flag<&Options::rules, &AlertOptions::include_probes>(
        names::include_probes, "Also count the requests of probes. They are left out by default."
    )
);

} // namespace

const CommandSpec slo_rules_command = command<run>({
    .path = "slo rules",
    .summary =
        "Write Prometheus rules for everything that the runbook watches, and tests for promtool.",
    .options = k_options,
    .examples =
        {
            "oa-stream slo rules --out /etc/prometheus/rules",
            "oa-stream slo rules --objective 99.5% --min-bad 10 --out rules",
        },
    .about =
        R"(Writes recording and alerting rules for everything the runbook watches, and unit tests for promtool. Each
alert names its section of the runbook (`--runbook`).)",
    .also = "alerts alerting prometheus",
});

} // namespace oa_stream::cli
