// slo dashboard: Grafana JSON of what the runbook watches.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/dashboard.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"
#include "slo_args.hpp"
#include "smoke/smoke_args.hpp"

#include <fmt/format.h>

#include <array>
#include <chrono>

namespace oa_stream::cli {

namespace {

Result<measure::DashboardOptions> parse(const Args& args) {
    measure::DashboardOptions out;
    OA_TRY(out.objective, parse_share(args.get("--objective").value_or("99.9%"), "--objective"));
    if (out.objective.num >= out.objective.den) {
        return fail(Code::usage, "an objective of 100% leaves no budget", "--objective", "99.9%");
    }
    OA_TRY(const Millis window, positive_duration(args, "--window"));
    out.window_s = std::chrono::duration<double>(window).count();
    OA_TRY(const Millis limit, positive_duration(args, "--first-content"));
    out.first_content = fmt::format("{:g}", std::chrono::duration<double>(limit).count());
    out.title = args.get("--title").value_or(out.title);
    // One judge of matchers and labels for all slo commands.
    measure::PrometheusOptions shape;
    shape.url = "http://localhost";
    shape.matchers = out.matchers = args.get("--match").value_or("");
    shape.revision_label = out.revision_label = args.get("--revision-label").value_or("");
    OA_CHECK(measure::check(shape));
    return out;
}

Result<ExitCode> run(const Args& args, Context& context) {
    OA_TRY(const measure::DashboardOptions options, parse(args));
    const std::string text = measure::dashboard(options).dump(2) + "\n";
    const auto file = args.get("--out");
    if (file) {
        OA_CHECK(write_file_atomic(*file, text));
    }
    if (context.json) {
        Json document = plain_answer();
        document["file"] = file ? Json(*file) : Json(nullptr);
        if (!file) {
            document["dashboard"] = measure::dashboard(options);
        }
        print_document("slo-dashboard", document, context);
    } else if (!file) {
        context.out(text);
    } else if (!context.quiet) {
        context.out(*file + "\n");
    }
    return ExitCode::ok;
}

constexpr std::array k_options{
    OptionSpec{"--out", "FILE", "Write it there instead of to stdout."},
    OptionSpec{"--title", "TEXT", "Of the dashboard.", "oa-stream lane"},
    OptionSpec{"--objective", "SHARE", "Share of good requests, of the budget panels.", "99.9%"},
    OptionSpec{"--window", "D", "Of the budget.", "30d"},
    OptionSpec{"--first-content", "TIME", "Where the line in the latency panel is.", "2.5s"},
    k_slo_match,
    k_slo_label,
};
constexpr std::array<std::string_view, 2> k_examples{
    "oa-stream slo dashboard --out oa-stream.json",
    "oa-stream slo dashboard --objective 99.5% --match 'job=\"lane\"'",
};

} // namespace

const CommandSpec slo_dashboard_command{
    .path = "slo dashboard",
    .summary = "Print a Grafana dashboard of the lane, by revision.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli
