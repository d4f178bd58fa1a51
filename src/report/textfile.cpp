#include "oa_stream/report/textfile.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/exposition.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::report {
namespace {

constexpr std::string_view k_checks = "oa_stream_run_checks";
constexpr std::string_view k_last_pass = "oa_stream_run_last_pass_timestamp_seconds";
constexpr double k_most_checks = 1e9; ///< what a damaged file may say fits a whole number
constexpr std::array k_verdicts{
    Verdict::pass, Verdict::fail, Verdict::inconclusive, Verdict::error, Verdict::skipped
};

/// A label's value as the text format wants it.
std::string escaped_label(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\' || c == '"') {
            out += '\\';
        }
        out += c == '\n' ? ' ' : c;
    }
    return out;
}

void family(std::string& out, std::string_view name, std::string_view help) {
    out += fmt::format("# HELP {} {}\n# TYPE {} gauge\n", name, help, name);
}

/// `run="…",target="…"`: two files of one machine must not have the same series.
std::string labels_of(std::string_view name, std::string_view target) {
    return fmt::format(R"(run="{}",target="{}")", escaped_label(name), escaped_label(target));
}

void append_verdicts(std::string& out, const RunMetrics& metrics, const std::string& labels) {
    family(out, "oa_stream_run_verdict", "Verdict of the last run: 1 for the one it is.");
    for (const Verdict verdict : k_verdicts) {
        out += fmt::format(
            "oa_stream_run_verdict{{{},verdict=\"{}\"}} {}\n",
            labels,
            to_string(verdict),
            verdict == metrics.verdict ? 1 : 0
        );
    }
    family(out, k_checks, "Checks of the last run by verdict.");
    for (const Verdict verdict : k_verdicts) {
        out += fmt::format(
            "{}{{{},verdict=\"{}\"}} {}\n",
            k_checks,
            labels,
            to_string(verdict),
            std::ranges::count(metrics.checks, verdict, &Check::verdict)
        );
    }
}

} // namespace

std::string textfile(const RunMetrics& metrics) {
    const std::string labels = labels_of(metrics.name, metrics.target);
    const auto one = [&labels](std::string& out, std::string_view name, double value) {
        out += fmt::format("{}{{{}}} {:.3f}\n", name, labels, value);
    };
    std::string out;
    append_verdicts(out, metrics, labels);
    family(out, "oa_stream_run_exit_code", "Exit code of the last run.");
    out += fmt::format("oa_stream_run_exit_code{{{}}} {}\n", labels, metrics.exit_code);
    family(out, "oa_stream_run_end_timestamp_seconds", "When the last run ended.");
    one(out, "oa_stream_run_end_timestamp_seconds", unix_seconds(metrics.ended));
    if (metrics.duration_s) {
        family(out, "oa_stream_run_duration_seconds", "How long the last run took.");
        one(out, "oa_stream_run_duration_seconds", *metrics.duration_s);
    }
    family(out, k_last_pass, "When a run last passed; 0: never.");
    const bool passed = metrics.verdict == Verdict::pass;
    one(out, k_last_pass, passed ? unix_seconds(metrics.ended) : metrics.passed_before_s);
    return out;
}

double last_pass_in(std::string_view text, std::string_view name, std::string_view target) {
    const auto parsed = measure::parse_exposition(text.substr(0, text.rfind('\n') + 1)); // not torn
    double out = 0;
    if (parsed) {
        for (const auto& [id, value] : measure::series_of(*parsed, k_last_pass)) {
            const std::string_view of = id.label("target");
            const bool same = id.label("run") == name && (of.empty() || of == target);
            out = same ? std::max(out, value) : out;
        }
    }
    return out;
}

std::uint64_t checks_in(std::string_view text, std::string_view name, std::string_view target) {
    const auto parsed = measure::parse_exposition(text);
    double out = 0;
    if (parsed) {
        for (const auto& [id, value] : measure::series_of(*parsed, k_checks)) {
            const bool same = id.label("run") == name && id.label("target") == target;
            out += same && value > 0 && value < k_most_checks ? value : 0;
        }
    }
    return static_cast<std::uint64_t>(out);
}

std::optional<RunMetrics> metrics_in(std::string_view text) {
    const auto parsed = measure::parse_exposition(text);
    if (!parsed) {
        return std::nullopt;
    }
    for (const auto& [id, value] : measure::series_of(*parsed, k_last_pass)) {
        if (const auto target = id.label("target"); !target.empty()) {
            return RunMetrics{.name = std::string(id.label("run")), .target = std::string(target)};
        }
    }
    return std::nullopt;
}

} // namespace oa_stream::report
