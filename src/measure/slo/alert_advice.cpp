#include "alert_advice.hpp"

#include "oa_stream/base/lists.hpp"
#include "oa_stream/base/text.hpp"
#include "oa_stream/telemetry/classes.hpp"

#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

#include <array>
#include <span>

namespace oa_stream::measure::alerts {
namespace {

using telemetry::TerminalClass;
using Routes = std::span<const std::string>; ///< none: all

struct Advice {
    std::string_view alert;
    Next next;
    /// Describes the fault, with $value and $labels of Prometheus' templates.
    std::string_view text;
    /// Counters of the fault: the instance with the largest share is named. None: the alert's
    /// labels name it.
    std::vector<telemetry::Term> (*bad)(Routes routes) = nullptr;
    std::string_view window = "10m"; ///< of the alert's expression
};

std::vector<telemetry::Term> answered_5xx(Routes routes) {
    return telemetry::bad_terms(std::array{telemetry::BadEvent::http_5xx}, routes);
}

template <TerminalClass Class> std::vector<telemetry::Term> turns_of(Routes routes) {
    return telemetry::class_terms(std::array{std::string(to_string(Class))}, routes);
}

std::vector<telemetry::Term> bad_by_default(Routes routes) {
    return telemetry::bad_terms(telemetry::default_bad(), routes);
}

/// Stands in for the names of all handshake alerts, one per compatibility code.
constexpr std::string_view k_handshakes;

/// Order: causes before their effects.
constexpr std::array k_advice{
    Advice{
        "OaStreamRequestsAbsent",
        Next::watch,
        "No lane reports requests. Nothing is scraped, or the matchers select nothing, and every "
        "other alert is blind."
    },
    Advice{
        "OaStreamBridgeAbsent",
        Next::watch,
        "No lane reports accepted turns. Nothing is scraped, or the matchers select nothing."
    },
    Advice{
        "OaStreamRunUnverified",
        Next::status,
        "{{ $labels.run }} ended with exit code 8: what serves users now was not verified."
    },
    Advice{
        "OaStreamCodexDown",
        Next::watch,
        "No Codex process of {{ $labels.instance }} is ready: it died, hangs or cannot start. New "
        "turns there get 503."
    },
    Advice{
        "OaStreamCodexDisk",
        Next::watch,
        "Codex could not store {{ $value | humanize }} turns on {{ $labels.instance }} in 10 m: "
        "the disk of its home is full or broken."
    },
    Advice{
        "OaStreamStoreDown",
        Next::watch,
        "{{ $labels.instance }} lacks the store, its writes or a connection to it: /readyz has the "
        "reason. Running turns continue for readers there; new turns may get 503."
    },
    Advice{
        "OaStreamStoreFull",
        Next::watch,
        "The store uses {{ $value | humanizePercentage }} of its maxmemory: new turns get 503."
    },
    Advice{
        "OaStreamKhalaDown",
        Next::watch,
        "The connection of {{ $labels.instance }} to Khala is down: its turns wait, then end."
    },
    Advice{
        "OaStreamCodexServerDown",
        Next::watch,
        "{{ $labels.instance }} cannot use Codex server {{ $labels.server }}: it is away, hangs or "
        "refuses the lane. Conversations there get 503; new ones go to other servers."
    },
    Advice{
        "OaStreamBridgeStalled",
        Next::watch,
        "Requests come, and no turn was accepted for 10 m.",
        answered_5xx
    },
    Advice{
        "OaStreamTerminalsLost",
        Next::watch,
        "{{ $value | humanize }} turns were accepted in 15 m, and the ends of fewer than half are "
        "reported: they hang, or alerts of failures see nothing."
    },
    Advice{
        "OaStreamCodexError",
        Next::gate,
        "{{ $value | humanizePercentage }} of the ended turns are codex_error: the authority died, "
        "stalled or sent invalid events.",
        turns_of<TerminalClass::codex_error>,
        "15m"
    },
    Advice{
        "OaStreamTurnFailed",
        Next::gate,
        "{{ $value | humanizePercentage }} of the ended turns are turn_failed: the authority gave "
        "up.",
        turns_of<TerminalClass::turn_failed>,
        "15m"
    },
    Advice{
        "OaStreamTurnAborted",
        Next::gate,
        "{{ $value | humanizePercentage }} of the ended turns are turn_aborted: the lane's own "
        "limits ended them.",
        turns_of<TerminalClass::turn_aborted>,
        "15m"
    },
    Advice{
        "OaStreamAdapterPreviewUnavailable",
        Next::gate,
        "{{ $value | humanizePercentage }} of the ended turns are adapter_preview_unavailable: "
        "accepted, but the lane could not make a frame.",
        turns_of<TerminalClass::adapter_preview_unavailable>,
        "15m"
    },
    Advice{
        "OaStream5xxHigh",
        Next::gate,
        "{{ $value | humanizePercentage }} of the requests on {{ $labels.route }} are answered "
        "5xx.",
        answered_5xx
    },
    Advice{
        "OaStreamBudgetBurn1h",
        Next::budget,
        "{{ $value | humanizePercentage }} of the requests of the last hour are bad.",
        bad_by_default,
        "1h"
    },
    Advice{
        "OaStreamBudgetBurn6h",
        Next::budget,
        "{{ $value | humanizePercentage }} of the requests of the last 6 hours are bad.",
        bad_by_default,
        "6h"
    },
    Advice{
        "OaStreamFirstContentP95High",
        Next::first,
        "{{ $value | humanizePercentage }} of the turns on {{ $labels.route }} wait longer than "
        "the limit for their first content; 5 % may."
    },
    Advice{
        "OaStreamDurationP95High",
        Next::watch,
        "{{ $value | humanizePercentage }} of the turns on {{ $labels.route }} last longer than "
        "the limit; 5 % may. Of lanes of an earlier version, all requests count as turns."
    },
    Advice{
        "OaStreamBridgeDrop",
        Next::watch,
        "{{ $value | humanize }} turns are accepted a second, less than half as many as in the six "
        "hours before."
    },
    Advice{
        "OaStreamBridgeSpike",
        Next::watch,
        "{{ $value | humanize }} turns are accepted a second, more than three times as many as in "
        "the six hours before."
    },
    Advice{
        "OaStreamBudgetBurn1d",
        Next::budget,
        "{{ $value | humanizePercentage }} of the requests of the last day are bad.",
        bad_by_default,
        "1d"
    },
    Advice{
        "OaStreamBudgetBurn3d",
        Next::budget,
        "{{ $value | humanizePercentage }} of the requests of the last 3 days are bad.",
        bad_by_default,
        "3d"
    },
    Advice{
        "OaStreamTurnInterrupted",
        Next::watch,
        "{{ $value | humanizePercentage }} of the ended turns were stopped by users or their next "
        "message.",
        turns_of<TerminalClass::turn_interrupted>,
        "15m"
    },
    Advice{
        "OaStreamDrainLong",
        Next::watch,
        "{{ $labels.instance }} takes no turns for 10 m and still has {{ $value | humanize }} open "
        "streams."
    },
    Advice{
        "OaStreamTargetDown",
        Next::watch,
        "{{ $labels.instance }} was a lane within a day and cannot be scraped: what its users get "
        "is in no number."
    },
    Advice{
        "OaStreamRefused",
        Next::watch,
        "{{ $labels.instance }} refused {{ $value | humanizePercentage }} of its requests with 401 "
        "or 403 in 10 m: it has other tokens than its users, or strangers try."
    },
    Advice{
        "OaStreamFirstContentAbsent",
        Next::watch,
        "{{ $value | humanize }} turns were accepted in 15 m, and none reported its first content: "
        "they all fail before it, or the alert of late ones sees nothing."
    },
    Advice{
        "OaStreamKhalaReauth",
        Next::watch,
        "Khala refused {{ $value | humanize }} tokens of {{ $labels.instance }} in 10 m."
    },
    Advice{
        "OaStreamKhalaUnsteady",
        Next::watch,
        "{{ $labels.instance }} lost its connection to Khala {{ $value | humanize }} times in 10 m."
    },
    Advice{
        "OaStreamKhalaStale",
        Next::watch,
        "{{ $value | humanize }} times in 10 m Khala had forgotten what {{ $labels.instance }} had "
        "not read."
    },
    Advice{
        "OaStreamKhalaLag",
        Next::watch,
        "{{ $labels.instance }} is {{ $value | humanize }} events behind its worker."
    },
    Advice{
        "OaStreamLogsLost",
        Next::watch,
        "{{ $labels.instance }} cut the readers of {{ $value | humanize }} turns of other lanes in "
        "10 m: the store lost their logs."
    },
    Advice{
        "OaStreamTurnsReaped",
        Next::watch,
        "{{ $labels.instance }} ended {{ $value | humanize }} turns of dead lanes in 10 m."
    },
    Advice{
        "OaStreamTurnsFenced",
        Next::watch,
        "{{ $labels.instance }} lost {{ $value | humanize }} turns to other lanes in 10 m: it "
        "stood still."
    },
    Advice{
        "OaStreamMixedTarget",
        Next::watch,
        "Several processes answer at {{ $labels.instance }} in turn, so its counters mean nothing: "
        "scrape each by itself."
    },
    Advice{
        "OaStreamRunStatusStale",
        Next::status,
        "The timer of `cutover status` on {{ $labels.target }} last knew the state of its runs "
        "{{ $value | humanizeDuration }} ago: it no longer runs, or cannot read them."
    },
    Advice{
        "OaStreamVerificationStale",
        Next::runs,
        "The last PASS of {{ $labels.run }} is {{ $value | humanizeDuration }} ago: its timer no "
        "longer runs, the run died, or it does not pass."
    },
    Advice{
        k_handshakes,
        Next::watch,
        "{{ $value | humanizePercentage }} of the handshakes are refused with {{ $labels.code }}: "
        "these clients are outside the window that the lane accepts."
    },
};

/// nullptr for an alert without advice; a test rejects such an alert.
const Advice* advice_of(std::string_view alert) {
    const auto& codes = telemetry::k_compat_codes;
    const bool handshake = contains(codes, alert, alert_name);
    return find_or_null(k_advice, handshake ? k_handshakes : alert, &Advice::alert);
}

bool is_routed(const Advice& advice) {
    return advice.text.contains(k_its_route);
}

/// " Most of it: 10.0.0.2:8080 (revision r42).", when an instance has any.
std::string worst_of(const Advice& advice, const AlertOptions& options) {
    const std::vector<std::string> routes(is_routed(advice) ? 1 : 0, std::string(k_its_route));
    std::string rose;
    for (const telemetry::Term& term : advice.bad(routes)) {
        if (term.subtract) {
            continue; // requests that two counters both count are few
        }
        const std::string_view name = term.metric->name.substr(telemetry::k_prefix.size());
        const std::string series = selector(options, name, prometheus::matchers(term));
        const std::string_view between = rose.empty() ? "" : " or ";
        rose += fmt::format("{}increase({}[{}])", between, series, advice.window);
    }
    std::string query = prometheus::in_quotes(fmt::format(
        "topk(1, sum by (job, instance) ({}) * on (job, instance) group_left (revision) "
        "max by (job, instance, revision) ({})) > 0",
        rose,
        selector(options, "build_info", "")
    ));
    const auto at = query.find(k_its_route);
    if (at != std::string::npos) { // a template cannot contain another one
        query = "(print " + query.replace(at, k_its_route.size(), "\" $labels.route \"") + ")";
    }
    return fmt::format(
        "{{{{ range query {} }}}} Most of it: {{{{ .Labels.instance }}}} (revision "
        "{{{{ .Labels.revision }}}}).{{{{ end }}}}",
        query
    );
}

} // namespace

void add_advice(std::vector<Group>& groups, const AlertOptions& options) {
    for (Group& group : groups) {
        for (Rule& rule : group.rules) {
            const Advice* advice = rule.records ? nullptr : advice_of(rule.name);
            if (advice == nullptr) {
                continue;
            }
            rule.description = std::string(advice->text);
            if (advice->bad != nullptr) {
                rule.description += worst_of(*advice, options);
            }
            rule.next = next_of(advice->next, is_routed(*advice), options);
            rule.runbook = fmt::format("{}#{}", options.runbook, to_lower(rule.name));
            const auto tier = advice - k_advice.begin() + 10; // always two digits
            rule.labels.emplace_back("service", "oa-stream");
            rule.labels.emplace_back("tier", fmt::format("{}", tier));
        }
    }
}

} // namespace oa_stream::measure::alerts
