#include "alert_advice.hpp"

#include "oa_stream/base/option_names.hpp"
#include "oa_stream/base/shell.hpp"
#include "oa_stream/base/text.hpp"

#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace oa_stream::measure::alerts {
namespace {

/// A command of ours that shows the fault. Prometheus fills in its own address and the labels.
enum class Next {
    watch,  ///< all numbers of all targets, once
    gate,   ///< bad requests, judged
    first,  ///< times of the first content, judged
    budget, ///< what is left
    status, ///< open runs, and what they left
    runs,   ///< what was run, and how it ended
};

struct Advice {
    std::string_view alert;
    Next next;
    /// What is wrong, with $value and $labels of Prometheus' templates.
    std::string_view text;
    /// Counter of what is bad: the instance that has most of it is named. Empty: the labels name
    /// it.
    std::string_view counter{};
    std::string_view matchers{};
    /// Of a budget's alert: everything that is bad counts, over so long.
    std::string_view window{};
};

constexpr std::string_view k_http = "http_requests_total";
constexpr std::string_view k_5xx = R"(method="POST",status=~"5..")";
constexpr std::string_view k_terminals = "terminal_total";

/// Causes before what follows from them.
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
        "The store does not answer {{ $labels.instance }}. Running turns continue for readers "
        "there; new turns get 503."
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
        k_http,
        k_5xx
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
        k_terminals,
        R"(class="codex_error")"
    },
    Advice{
        "OaStreamTurnFailed",
        Next::gate,
        "{{ $value | humanizePercentage }} of the ended turns are turn_failed: the authority gave "
        "up.",
        k_terminals,
        R"(class="turn_failed")"
    },
    Advice{
        "OaStreamTurnAborted",
        Next::gate,
        "{{ $value | humanizePercentage }} of the ended turns are turn_aborted: the lane's own "
        "limits ended them.",
        k_terminals,
        R"(class="turn_aborted")"
    },
    Advice{
        "OaStreamAdapterPreviewUnavailable",
        Next::gate,
        "{{ $value | humanizePercentage }} of the ended turns are adapter_preview_unavailable: "
        "accepted, but the lane could not make a frame.",
        k_terminals,
        R"(class="adapter_preview_unavailable")"
    },
    Advice{
        "OaStream5xxHigh",
        Next::gate,
        "{{ $value | humanizePercentage }} of the requests on {{ $labels.route }} are answered "
        "5xx.",
        k_http,
        k_5xx
    },
    Advice{
        "OaStreamBudgetBurn1h",
        Next::budget,
        "{{ $value | humanizePercentage }} of the requests of the last hour are bad.",
        {},
        {},
        "1h"
    },
    Advice{
        "OaStreamBudgetBurn6h",
        Next::budget,
        "{{ $value | humanizePercentage }} of the requests of the last 6 hours are bad.",
        {},
        {},
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
        "the limit; 5 % may."
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
        {},
        {},
        "1d"
    },
    Advice{
        "OaStreamBudgetBurn3d",
        Next::budget,
        "{{ $value | humanizePercentage }} of the requests of the last 3 days are bad.",
        {},
        {},
        "3d"
    },
    Advice{
        "OaStreamTurnInterrupted",
        Next::watch,
        "{{ $value | humanizePercentage }} of the ended turns were stopped by users or their next "
        "message.",
        k_terminals,
        R"(class="turn_interrupted")"
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
};
constexpr Advice k_handshake{
    "",
    Next::watch,
    "{{ $value | humanizePercentage }} of the handshakes are refused with {{ $labels.code }}: "
    "these clients are outside the window that the lane accepts."
};

const Advice& advice_of(std::string_view alert) {
    const auto* found = std::ranges::find(k_advice, alert, &Advice::alert);
    return found == k_advice.end() ? k_handshake : *found;
}

std::string next_of(const Advice& advice, std::string_view route, const AlertOptions& options) {
    const std::string here = fmt::format("{} {{{{ $externalURL }}}}", names::prometheus);
    const std::string match =
        options.matchers.empty() ? "" : " --match " + shell_word(options.matchers);
    switch (advice.next) {
    case Next::watch:
        return fmt::format("oa-stream watch {}{} --once", here, match);
    case Next::gate:
        return fmt::format(
            "oa-stream slo gate 'bad: http_5xx | terminal_error <= 1%' {}{}{}", here, match, route
        );
    case Next::first:
        return fmt::format(
            "oa-stream slo gate 'p95: first_content <= {}s' {}{}{}",
            options.first_content,
            here,
            match,
            route
        );
    case Next::budget:
        return fmt::format("oa-stream slo status {}{}", here, match);
    case Next::status:
        return "oa-stream cutover status";
    case Next::runs:
        break;
    }
    return "oa-stream runs list";
}

/// What is bad, by counter.
std::string rose_of(const Advice& advice, const AlertOptions& options) {
    const auto rose = [&](std::string_view counter, std::string_view matchers, auto window) {
        return fmt::format("increase({}[{}])", selector(options, counter, matchers), window);
    };
    if (advice.window.empty()) {
        return rose(advice.counter, advice.matchers, "10m");
    }
    std::string out;
    for (const telemetry::Term& term : telemetry::bad_terms(telemetry::default_bad())) {
        if (!term.subtract) { // what two counters count is but a few
            out += out.empty() ? "" : " or ";
            out += rose(
                term.metric->name.substr(telemetry::k_prefix.size()),
                prometheus::matchers(term),
                advice.window
            );
        }
    }
    return out;
}

/// " Most of it: 10.0.0.2:8080 (revision r42).", when somebody has some.
std::string worst_of(const Advice& advice, const AlertOptions& options) {
    const std::string query = fmt::format(
        "topk(1, sum by (job, instance) ({}) * on (job, instance) group_left (revision) "
        "max by (job, instance, revision) ({})) > 0",
        rose_of(advice, options),
        selector(options, "build_info", "")
    );
    return fmt::format(
        "{{{{ range query {} }}}} Most of it: {{{{ .Labels.instance }}}} (revision "
        "{{{{ .Labels.revision }}}}).{{{{ end }}}}",
        prometheus::in_quotes(query)
    );
}

} // namespace

void add_advice(std::vector<Group>& groups, const AlertOptions& options) {
    for (Group& group : groups) {
        for (Rule& rule : group.rules) {
            if (rule.records) {
                continue;
            }
            const Advice& advice = advice_of(rule.name);
            const bool routed = advice.text.contains("$labels.route");
            rule.description = std::string(advice.text);
            if (!advice.counter.empty() || !advice.window.empty()) {
                rule.description += worst_of(advice, options);
            }
            rule.next = next_of(advice, routed ? " --route '{{ $labels.route }}'" : "", options);
            rule.runbook = fmt::format("{}#{}", options.runbook, to_lower(rule.name));
            const auto* place = std::ranges::find(k_advice, rule.name, &Advice::alert);
            const auto tier = place - k_advice.begin() + 10; // two digits, always
            rule.labels.emplace_back("service", "oa-stream");
            rule.labels.emplace_back("tier", fmt::format("{}", tier));
        }
    }
}

} // namespace oa_stream::measure::alerts
