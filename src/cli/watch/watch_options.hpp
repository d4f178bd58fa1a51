// The options of watch.
#pragma once

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/config/units.hpp"

#include "slo/slo_args.hpp"
#include "smoke/smoke_args.hpp"
#include "watch_args.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace oa_stream::cli {

inline constexpr std::int64_t k_most_instances = 1000;
inline constexpr std::array<std::string_view, 1> k_watch_until{"bad"};
inline constexpr auto k_watch_options = options<WatchOptions>(
    parsed<http_url, &WatchOptions::base_urls>(
        names::base_url, "URL", "Watch this lane, by its /metrics."
    ),
    parsed<http_url, &WatchOptions::prometheus>(
        names::prometheus, "URL", "Watch the lanes that this Prometheus scrapes, instead."
    ),
    parsed<read_matchers, &WatchOptions::matchers>(
        names::match, "MATCHERS", "Add label matchers: job=\"lane\". With --prometheus."
    ),
    option<&WatchOptions::revision>(
        names::revision, "NAME", "Show and judge only the numbers of this revision."
    ),
    option<&WatchOptions::instances>(
        "--instances",
        "N",
        "Require that N instances answer behind each address. With fewer the lane is not OK."
    )
        .range(0, k_most_instances),
    flag<&WatchOptions::include_probes>(
        names::include_probes, "Also count the requests of probes. They are left out by default."
    ),
    parsed<read_named_token, &WatchOptions::auth>(
        names::auth,
        "REF",
        "Authenticate with this bearer token, or with this password of --user: env:NAME, "
        "file:PATH, fd:N, command:PROGRAM, or metadata: for the machine's service account."
    ),
    option<&WatchOptions::user>("--user", "NAME", "Log in to Prometheus with this name."),
    option<&WatchOptions::ca>(names::ca, "FILE", k_ca_help),
    k_certificate,
    option<&WatchOptions::headers>(names::header, "'NAME: VALUE'", k_header_help),
    option<&WatchOptions::every>("--every", "D", "Refresh this often, at most five times a second.")
        .range(200, k_longest_ms)
        .or_else("2s"),
    option<&WatchOptions::window>(names::window, "D", "Compute rates over this time.")
        .or_else_text("1m; 5m with --prometheus; of a lane with --once as long as --every")
        .range(1000, k_longest_ms),
    option<&WatchOptions::budget_window>(
        "--budget-window", "D", "Set the window of the error budget. With --prometheus."
    )
        .range(1, k_longest_ms)
        .or_else(measure::usual::k_window_s.text),
    parsed<read_objective, &WatchOptions::objective>(
        names::objective, "SHARE", "Require this share of good requests."
    )
        .or_else(measure::usual::k_objective.text),
    parsed<config::read_percent, &WatchOptions::bad_at_most>(
        "--bad-at-most",
        "PERCENT",
        "Show BAD when a larger share of the window's requests is bad, proven."
    )
        .or_else("1%"),
    option<&WatchOptions::p95_at_most>(
        "--p95-at-most", "D", "Show BAD when the p95 of the first content is higher."
    )
        .range(1, k_longest_ms)
        .or_else(measure::usual::k_first_content_s.text),
    option<&WatchOptions::stale_after>("--stale-after", "D", "Mark older numbers as stale.")
        .or_else_text("15s; 90s with --prometheus")
        .range(1, k_longest_ms),
    option<&WatchOptions::timeout>(names::timeout, "D", "Give up when one answer takes longer.")
        .or_else_text("10s of Prometheus; of a lane as long as --every, 1s to 5s")
        .range(1, k_longest_ms),
    option<&WatchOptions::front_admin>(
        "--front-admin", "SOCKET", "Also show the split of the front door with this admin socket."
    )
        .offering(Offer::files),
    flag<&WatchOptions::ndjson>(names::ndjson, "Print one JSON line each time."),
    flag<&WatchOptions::once>(
        names::once,
        "Look once and exit: 0 for OK, 1 for BAD, 4 when no lane or Prometheus answered, else 3."
    ),
    option<&WatchOptions::until>(
        "--until",
        k_watch_until,
        "Exit with 1 as soon as a limit is exceeded. With --for: when that time ends first, exit "
        "as --once does."
    ),
    flag<&WatchOptions::fail_fast>("--fail-fast", "The same as --until bad.").superseded(),
    option<&WatchOptions::length>("--for", "D", "Exit after this time.").range(1, k_longest_ms)
);

inline constexpr Exits k_watch_exits{
    {ExitCode::ok, "OK, or a user ended it."},
    {ExitCode::breach, "BAD, with --once or --until."},
    {ExitCode::inconclusive, "Neither OK nor BAD is proven, with --once or --until."},
    {ExitCode::credentials},
    {ExitCode::terminated},
    {ExitCode::not_executed, "Nobody answered with a lane's numbers."},
};

} // namespace oa_stream::cli
