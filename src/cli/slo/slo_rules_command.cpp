// slo rules: Prometheus rules and their promtool tests, written into a folder.
#include "oa_stream/base/file.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/measure/alert_rules.hpp"
#include "oa_stream/measure/matchers.hpp"
#include "oa_stream/telemetry/metrics.hpp"

#include "core/commands.hpp"
#include "core/document.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <filesystem>

namespace oa_stream::cli {

namespace {

constexpr std::uint64_t k_most_events = 1'000'000;

std::unexpected<Error> in_option(Error error, std::string option) {
    error.where = std::move(option);
    return std::unexpected(std::move(error));
}

/// "99.9%"
Result<measure::Fraction> parse_objective(std::string text) {
    const bool percent = text.ends_with('%');
    if (percent) {
        text.pop_back();
    }
    auto parsed = measure::Fraction::parse(text);
    if (!parsed) {
        return fail(
            Code::usage,
            fmt::format("'{}' is no share", printable(text, 40)),
            "--objective",
            "99.9%"
        );
    }
    return measure::Fraction{parsed->num, percent ? parsed->den * 100 : parsed->den};
}

/// "2.5s" → "2.5": as the bound stands in the lane's `le` label.
Result<std::string>
parse_bound(std::string text, std::span<const double> bounds, const std::string& option) {
    if (text.ends_with('s')) {
        text.pop_back();
    }
    double seconds = 0;
    const auto got = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool whole = got.ec == std::errc() && got.ptr == text.data() + text.size();
    for (const double bound : bounds) {
        if (whole && seconds == bound) {
            return fmt::format("{}", bound);
        }
    }
    return fail(
        Code::usage,
        fmt::format("'{}' is no bound of the lane's histogram", printable(text, 40)),
        option,
        fmt::format("one of {} seconds", fmt::join(bounds, ", "))
    );
}

Result<std::uint64_t> count_option(const Args& args, const std::string& option) {
    auto count = parse_count(args.get(option).value_or(""), 1, k_most_events);
    if (!count) {
        return in_option(std::move(count).error(), option);
    }
    return *count;
}

Result<measure::AlertOptions> options_of(const Args& args) {
    measure::AlertOptions out;
    OA_TRY(out.objective, parse_objective(args.get("--objective").value_or("")));
    OA_TRY(
        out.first_content,
        parse_bound(
            args.get("--first-content").value_or(""),
            telemetry::k_first_content_bounds,
            "--first-content"
        )
    );
    OA_TRY(
        out.duration,
        parse_bound(args.get("--duration").value_or(""), telemetry::k_duration_bounds, "--duration")
    );
    OA_TRY(out.least_bad, count_option(args, "--min-bad"));
    OA_TRY(out.least_total, count_option(args, "--min-total"));
    out.matchers = args.get("--match").value_or("");
    if (auto matchers = measure::parse_matchers(out.matchers); !matchers) {
        return in_option(std::move(matchers).error(), "--match");
    }
    return out;
}

Result<ExitCode> run(const Args& args, Context& context) {
    const auto folder = args.get("--out");
    if (!folder) {
        return fail(Code::usage, "nowhere to write to", "--out", "oa-stream slo rules --out rules");
    }
    OA_TRY(const measure::AlertOptions options, options_of(args));
    OA_TRY(const auto files, measure::alert_rules(options));
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

constexpr std::array k_options{
    OptionSpec{"--out", "DIR", "Where the files go; made if it is not there."},
    OptionSpec{"--objective", "SHARE", "Share of good requests.", "99.9%"},
    OptionSpec{
        "--first-content", "TIME", "Limit of the p95 of the first content; a bucket bound.", "2.5s"
    },
    OptionSpec{"--duration", "TIME", "Limit of the p95 of whole requests; a bucket bound.", "30s"},
    OptionSpec{"--min-bad", "N", "With fewer bad events in its window no ratio alerts.", "5"},
    OptionSpec{"--min-total", "N", "With fewer events at all no ratio alerts.", "20"},
    OptionSpec{"--match", "MATCHERS", "Further label matchers of every selector: job=\"lane\"."},
};
constexpr std::array<std::string_view, 2> k_examples{
    "oa-stream slo rules --out /etc/prometheus/rules",
    "oa-stream slo rules --objective 99.5% --min-bad 10 --out rules",
};

} // namespace

const CommandSpec slo_rules_command{
    .path = "slo rules",
    .summary = "Write Prometheus rules for all the runbook watches, and tests for promtool.",
    .positionals = {},
    .options = k_options,
    .examples = k_examples,
    .run = run,
};

} // namespace oa_stream::cli
