// slo dashboard: Grafana JSON with everything the runbook watches.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/dashboard.hpp"
#include "oa_stream/measure/prometheus_source.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "slo_args.hpp"

#include <fmt/format.h>

#include <chrono>

namespace oa_stream::cli {

namespace {

struct Options : SloSourceOptions {
    measure::DashboardOptions dashboard{};
    Millis window{};
    Millis first_content{};
    std::optional<std::string> out{};
};

Result<measure::DashboardOptions> complete(const Options& options) {
    measure::DashboardOptions out = options.dashboard;
    out.include_probes = options.include_probes;
    out.window_s = seconds(options.window);
    out.first_content = fmt::format("{:g}", seconds(options.first_content));
    // Matchers and labels are validated in one place for all slo commands.
    measure::PrometheusOptions shape;
    shape.url = "http://localhost";
    shape.matchers = out.matchers = options.matchers.value_or("");
    shape.revision_label = out.revision_label = options.revision_label.value_or("");
    OA_CHECK(measure::check(shape));
    return out;
}

Result<ExitCode> run(const Options& options, Context& context) {
    OA_TRY(const measure::DashboardOptions wanted, complete(options));
    const std::string text = json_document(measure::dashboard(wanted));
    const auto& file = options.out;
    if (file) {
        OA_CHECK(write_file_atomic(*file, text));
    }
    if (context.json) {
        Json document = plain_answer();
        document["file"] = file ? Json(*file) : Json(nullptr);
        if (!file) {
            document["dashboard"] = measure::dashboard(wanted);
        }
        print_document("slo-dashboard", document, context);
    } else if (!file) {
        context.out(text);
    } else if (!context.quiet) {
        context.out(*file + "\n");
    }
    return ExitCode::ok;
}

using measure::DashboardOptions;
constexpr auto k_options = options<Options>(
    option<&Options::out>(
        names::out, "FILE", "Write the dashboard to this file. Without it: to stdout."
    ),
    option<&Options::dashboard, &DashboardOptions::title>(
        "--title", "TEXT", "Set the title of the dashboard."
    )
        .or_else("oa-stream lane"),
    parsed<read_objective, &Options::dashboard, &DashboardOptions::objective>(
        names::objective, "SHARE", "Require this share of good requests, in the budget panels."
    )
        .or_else(measure::usual::k_objective.text),
    option<&Options::window>(names::window, "D", "Set the window of the error budget.")
        .range(1, k_longest_ms)
        .or_else(measure::usual::k_window_s.text),
    option<&Options::first_content>(
        names::first_content, "TIME", "Draw the line in the latency panel here."
    )
        .range(1, k_longest_ms)
        .or_else(measure::usual::k_first_content_s.text),
    k_slo_match,
    k_slo_probes,
    k_slo_label
);

} // namespace

const CommandSpec slo_dashboard_command = command<run>({
    .path = "slo dashboard",
    .summary = "Print a Grafana dashboard of the lane, by revision.",
    .options = k_options,
    .examples =
        {
            "oa-stream slo dashboard --out oa-stream.json",
            "oa-stream slo dashboard --objective 99.5% --match 'job=\"lane\"'",
        },
    .about =
        R"(Prints a Grafana dashboard that shows rates, latencies, endings and the budget of each revision.)",
    .also = "dashboard grafana",
});

} // namespace oa_stream::cli
