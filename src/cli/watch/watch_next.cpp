#include "watch_next.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/seconds.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/playbook/status.hpp"
#include "oa_stream/run/suggest.hpp"

#include "core/commands.hpp"
#include "core/suggestion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

namespace oa_stream::cli {

namespace {

/// The URL without its path.
std::string_view origin_of(std::string_view url) {
    const std::size_t host = url.find("://");
    return url.substr(0, host == std::string_view::npos ? host : url.find('/', host + 3));
}

bool is_watched(const playbook::RunStatus& run, const WatchAsked& asked) {
    return std::ranges::any_of(asked.lanes, [&run](const probe::Target& lane) {
        return !run.base_url.empty() && origin_of(lane.base_url) == origin_of(run.base_url);
    });
}

/// The revision that the run shifts users to is seen here. Other targets may have one with the same
/// name.
bool may_be_watched(const playbook::RunStatus& run, const WatchView& view) {
    return std::ranges::any_of(view.parts, [&run](const WatchPart& part) {
        return !run.canary.empty() && part.revision == run.canary;
    });
}

/// For changes of unfinished runs; empty: none concerns the watched target. A rollback is only
/// suggested for a run that certainly belongs to this target.
Advice of_open_runs(const WatchAsked& asked, const WatchView& view, const Context& context) {
    const auto runs = playbook::unfinished_statuses(context.state_dir);
    if (!runs) {
        return {};
    }
    std::vector<std::string> alike;
    std::string sure;
    for (const playbook::RunStatus& run : *runs) {
        if (is_watched(run, asked)) {
            sure = std::max(sure, run.run); // names begin with the time
        } else if (may_be_watched(run, view)) {
            alike.push_back(run.run);
        }
    }
    if (!sure.empty()) {
        return run::suggest_rollback(sure);
    }
    const Typed status{&cutover_status_command};
    return alike.empty()       ? Advice()
           : alike.size() == 1 ? status.with(names::run, alike.front())
                               : status.suggestion();
}

/// The part of the window in which every living lane of this revision only ran this revision.
/// nullopt: none lives, or one began so recently that a gate has too few of its scrapes.
std::optional<Millis>
window_of(std::string_view revision, const WatchAsked& asked, const WatchView& view) {
    // From the first to the last: the four intervals of a gate.
    constexpr double k_least_scrapes = 5;
    const double window_s = seconds(asked.timing.window);
    double least_s = window_s;
    bool any = false;
    for (const WatchPart& part : view.parts) {
        if (part.revision != revision || part.state == measure::k_ended) {
            continue;
        }
        any = true;
        if (part.window_s <= 0 || part.window_s >= window_s) {
            continue;
        }
        if (part.scrapes > 0 && part.scrapes < k_least_scrapes) {
            return std::nullopt;
        }
        least_s = std::min(least_s, part.window_s);
    }
    const std::chrono::seconds whole(static_cast<std::int64_t>(std::max(least_s, 1.0)));
    return any ? std::optional<Millis>(whole) : std::nullopt;
}

/// The command that shows the broken limit again, with the same limit; empty: no gate can do that.
Advice shown_again(const WatchAsked& asked, const WatchView& view, const Context& context) {
    const bool rates = view.broken.bad || view.broken.slow;
    Typed out{rates ? &slo_gate_command : &slo_status_command, context.given};
    Millis window = asked.timing.window;
    if (!view.guilty.empty()) {
        const std::string& revision = view.guilty.front();
        const auto alone = window_of(revision, asked, view);
        if (!alone) {
            return {};
        }
        window = *alone;
        out.args.given[names::revision] = {revision};
    }
    if (rates) {
        const double share = asked.limits.bad_at_most * 100;
        out.args.given["EXPR"] = {
            view.broken.bad
                ? fmt::format(
                      "bad: {} <= {:g}%", telemetry::bad_text(telemetry::default_bad()), share
                  )
                : fmt::format("p95: first_content <= {:g}s", asked.limits.p95_at_most_s)
        };
        out.args.given[names::window] = {format_duration(window)};
    }
    return out.suggestion();
}

} // namespace

Advice unreadable_next(const std::string& url, const WatchAsked& asked, const Context& context) {
    const Typed typed{context.command, context.given};
    const std::string origin(origin_of(url));
    if (asked.lanes.size() == 1 && origin != url) { // requests append their own paths
        return typed.with(names::base_url, origin);
    }
    const Typed smoke{&smoke_stream_command};
    return asked.prometheus ? typed.suggestion() : smoke.with(names::base_url, url);
}

Advice unreached_next(std::string_view url, net::TlsTrouble trouble, const Context& context) {
    const Typed typed{context.command, context.given};
    if (trouble == net::TlsTrouble::untrusted) {
        return typed.with(names::ca, "FILE");
    }
    const std::size_t scheme = url.find("://");
    return context.given.has(names::base_url) && trouble == net::TlsTrouble::plain
               ? typed.with(
                     names::base_url,
                     fmt::format("http{}", url.substr(std::min(scheme, url.size())))
                 )
               : typed.suggestion();
}

Advice watch_next(const WatchAsked& asked, const WatchView& view, const Context& context) {
    if (Advice runs = of_open_runs(asked, view, context); !runs.empty()) {
        return typed_here(runs, context);
    }
    if (asked.prometheus) {
        return typed_here(shown_again(asked, view, context), context);
    }
    const Typed smoke{&smoke_stream_command};
    const std::string worst = worst_address(view, asked.limits);
    return typed_here(
        smoke.with(names::base_url, worst.empty() ? asked.first_url() : worst), context
    );
}

} // namespace oa_stream::cli
