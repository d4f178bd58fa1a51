// What the slo commands read: whom to ask, which objectives, about whom.
#pragma once

#include "oa_stream/measure/budget.hpp"
#include "oa_stream/measure/prometheus_source.hpp"

#include "core/command.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace oa_stream::cli {

/// Exactly one of them is asked.
struct SloSource {
    std::optional<measure::PrometheusOptions> prometheus{};
    std::vector<std::filesystem::path> access_logs{};
    double stale_after_s = 0; ///< of access logs; 0: as the source says
    [[nodiscard]] std::string text() const; ///< "http://127.0.0.1:9090", the first log
};

/// One objective, and what is asked to measure it; the question has no window and no revision yet.
struct Slo {
    measure::BudgetQuestion budget{};
    measure::Question question{};
};

struct SloOrder {
    SloSource source{};
    std::vector<Slo> slos{};
    std::optional<double> consumed_at_most{}; ///< as a playbook says
    std::vector<std::string> revisions{};
};

/// --prometheus and its credentials, or --access-log. Code::usage, credentials.
[[nodiscard]] Result<SloSource> parse_slo_source(const Args& args);
/// The same with the objectives: of --playbook, else of the flags. A source of the playbook is
/// taken when no flag names one.
[[nodiscard]] Result<SloOrder> parse_slo_order(const Args& args);
/// "99.9%", "95%" → exact. Code::usage.
[[nodiscard]] Result<measure::Fraction>
parse_share(const std::string& text, const std::string& option);

inline constexpr OptionSpec k_slo_prometheus{
    "--prometheus", "URL", "Ask this Prometheus; the URL goes before /api/v1/query."
};
inline constexpr OptionSpec k_slo_access_log{
    "--access-log", "FILE", "Ask a lane's access log instead; repeats, one a lane.", {}, true
};
inline constexpr OptionSpec k_slo_auth{
    "--auth",
    "REF",
    "Prometheus' bearer token, or the password of --user: env:NAME, file:PATH, fd:N."
};
inline constexpr OptionSpec k_slo_user{"--user", "NAME", "Log in to Prometheus by this name."};
inline constexpr OptionSpec k_slo_ca{
    "--ca", "FILE", "Who may sign for Prometheus, PEM; the system's if not given."
};
inline constexpr OptionSpec k_slo_match{
    "--match", "MATCHERS", "Further label matchers of every selector: job=\"lane\"."
};
inline constexpr OptionSpec k_slo_label{
    "--revision-label",
    "NAME",
    "Label that names the revision; oa_stream_build_info tells it if not given."
};
inline constexpr OptionSpec k_slo_stale{
    "--stale-after", "D", "Older numbers are missing; three scrape intervals, or 5m in a log."
};
inline constexpr OptionSpec k_slo_timeout{"--timeout", "D", "Limit on one answer.", "10s"};
inline constexpr OptionSpec k_slo_playbook{
    "--playbook", "FILE", "Take objectives and source from this playbook."
};
inline constexpr OptionSpec k_slo_set{
    "--set", "NAME=VALUE", "Give a variable of the playbook its value; repeats.", {}, true
};
inline constexpr OptionSpec k_slo_only{"--slo", "NAME", "Only this objective; repeats.", {}, true};
inline constexpr OptionSpec k_slo_objective{
    "--objective", "SHARE", "Share of good requests, without a playbook.", "99.9%"
};
inline constexpr OptionSpec k_slo_bad{
    "--bad", "WORDS", "Bad are: http_5xx, terminal_error, empty, compat_rejected; by |."
};
inline constexpr OptionSpec k_slo_first_content{
    "--first-content", "TIME", "Instead: bad is whose first content took longer; a bucket bound."
};
inline constexpr OptionSpec k_slo_window{"--window", "D", "Of the budget.", "30d"};
inline constexpr OptionSpec k_slo_route{
    "--route",
    "TEMPLATE",
    "Only this route; repeats. All routes that carry turns if not given.",
    {},
    true
};
inline constexpr OptionSpec k_slo_min_bad{
    "--min-bad", "N", "Event floor of a burn: fewer bad ones do not fire.", "5"
};
inline constexpr OptionSpec k_slo_min_total{
    "--min-total", "N", "Event floor of a burn: fewer events at all do not fire.", "20"
};

} // namespace oa_stream::cli
