// The options of the slo commands: sources, objectives and revisions.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/measure/budget.hpp"
#include "oa_stream/measure/source_kind.hpp"
#include "oa_stream/probe/given_headers.hpp"
#include "oa_stream/telemetry/turns.hpp"

#include "core/command.hpp"
#include "cutover/run_args.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

/// The selected source.
struct SloSource {
    measure::SettingsPtr settings{}; ///< nullptr: none yet
    Secret secret{};
    probe::GivenHeaders headers{};
    [[nodiscard]] std::string text() const { return settings->place(); }
};

/// One objective and its question, which has no window and no revision yet.
struct Slo {
    measure::BudgetQuestion budget{};
    measure::Question question{};
};

struct SloOrder {
    SloSource source{};
    std::vector<Slo> slos{};
    std::optional<double> consumed_at_most{}; ///< as set in a playbook
    std::vector<std::string> revisions{};
};

/// The source of the numbers, from the command line.
struct SloSourceOptions : measure::SourceFlags {
    std::optional<std::string> prometheus{};
    std::vector<std::string> access_logs{};
    std::optional<std::string> auth_reference{};

    /// Code::usage unless exactly one source is named; Code::credentials.
    [[nodiscard]] Result<SloSource> source() const;
};

/// "99.9%" or "0.999" → exact. A bare number from 1 on is ambiguous: Code::usage.
[[nodiscard]] Result<measure::Fraction> read_exact_share(std::string_view text);
/// The same below 100%: an objective that leaves a budget.
[[nodiscard]] Result<measure::Fraction> read_objective(std::string_view text);

/// Label matchers: job="lane". Code::usage.
[[nodiscard]] Result<std::string> read_matchers(std::string_view text);

/// Objectives, and the source of the numbers.
struct SloOptions : SloSourceOptions, PlaybookVariables {
    std::optional<std::string> playbook{};
    std::vector<std::string> only{};
    measure::Fraction objective{};
    std::optional<std::vector<measure::BadEvent>> bad{};
    std::optional<Millis> first_content{};
    Millis window{};
    std::vector<std::string> routes{};
    std::uint64_t least_bad = measure::usual::k_least_bad.number;
    std::uint64_t least_total = measure::usual::k_least_total.number;
    std::vector<std::string> revisions{};
};
/// The objectives of the playbook, otherwise of the flags. Uses the playbook's source when no flag
/// names one. Code::usage, credentials.
[[nodiscard]] Result<SloOrder> slo_order(const SloOptions& options);

inline constexpr auto k_slo_source = options<SloSourceOptions>(
    parsed<http_url, &SloSourceOptions::prometheus>(
        names::prometheus, "URL", "Query the Prometheus at this base URL (without /api/v1/query)."
    ),
    option<&SloSourceOptions::access_logs>(
        names::access_log, "FILE", "Read a lane's access log instead. Give one for each lane."
    )
);
inline constexpr auto k_slo_match = parsed<read_matchers, &SloSourceOptions::matchers>(
    names::match, "MATCHERS", "Add label matchers to every selector: job=\"lane\"."
);
inline constexpr auto k_slo_label = option<&SloSourceOptions::revision_label>(
    names::revision_label,
    "NAME",
    "Read the revision from this label. Without it: from oa_stream_build_info."
);
inline constexpr auto k_slo_probes = flag<&SloSourceOptions::include_probes>(
    names::include_probes, "Also count the requests of probes. They are left out by default."
);
inline constexpr auto k_slo_user =
    option<&SloSourceOptions::user>("--user", "NAME", "Log in to Prometheus with this name.");
inline constexpr auto k_slo_ca = option<&SloSourceOptions::ca>(
    names::ca,
    "FILE",
    "Trust this certificate authority for Prometheus (PEM). Without it: SSL_CERT_FILE, or the "
    "system's."
);
inline constexpr auto k_slo_cert = option<&SloSourceOptions::cert>(
    names::cert, "FILE", "Present this client certificate (PEM) to Prometheus."
);
inline constexpr auto k_slo_header =
    option<&SloSourceOptions::headers>(names::header, "'NAME: VALUE'", k_header_help);
inline constexpr auto k_slo_access = options<SloSourceOptions>(
    option<&SloSourceOptions::auth_reference>(
        names::auth,
        "REF",
        "Authenticate at Prometheus with this bearer token, or with this password of --user: "
        "env:NAME, file:PATH, fd:N, command:PROGRAM, or metadata: for Cloud Monitoring."
    ),
    k_slo_user,
    k_slo_ca,
    k_slo_cert,
    option<&SloSourceOptions::key>(names::key, "FILE", k_key_help),
    k_slo_header,
    k_slo_match,
    k_slo_label,
    option<&SloSourceOptions::stale_after>("--stale-after", "D", "Treat older numbers as missing.")
        .or_else_text("three scrape intervals, 10s at least; 5m in an access log")
        .range(1, k_longest_ms),
    k_slo_probes,
    option<&SloSourceOptions::timeout>(names::timeout, "D", "Give up when one answer takes longer.")
        .or_else_text("10s")
        .range(1, k_longest_ms)
);
/// The values of the label `route` for turn routes.
[[nodiscard]] std::span<const std::string_view> turn_route_words();
inline constexpr auto k_slo_route =
    option<&SloOptions::routes>(
        names::route, "TEMPLATE", "Count only this route. Without it: all routes that carry turns."
    )
        .suggesting(turn_route_words);
inline constexpr auto k_slo_objectives = options<SloOptions>(
    option<&SloOptions::playbook>(
        "--playbook", "FILE", "Take objectives and source from this playbook."
    )
        .offering(Offer::playbooks),
    k_set,
    option<&SloOptions::only>("--slo", "NAME", "Use only this objective of the playbook."),
    parsed<read_objective, &SloOptions::objective>(
        names::objective, "SHARE", "Require this share of good requests. Without a playbook."
    )
        .or_else(measure::usual::k_objective.text),
    parsed<measure::parse_bad_events, &SloOptions::bad>(
        "--bad",
        "WORDS",
        "Count these as bad: http_5xx, terminal_error, empty, compat_rejected, rejected, "
        "joined by |."
    )
        .suggesting([]() -> std::span<const std::string_view> { return telemetry::k_bad_words; }),
    option<&SloOptions::first_content>(
        names::first_content,
        "TIME",
        "Instead of --bad: a request is bad when its first content took longer than TIME. With a "
        "Prometheus, TIME must be a bucket bound of the histogram."
    )
        .range(1, k_longest_ms),
    option<&SloOptions::window>(names::window, "D", "Set the window of the error budget.")
        .range(1, k_longest_ms)
        .or_else(measure::usual::k_window_s.text)
);

} // namespace oa_stream::cli
