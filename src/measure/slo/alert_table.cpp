// The alert rules. Ratios only divide by positive sums (`> 0`) and alert only above an event floor:
// one bad request at night is not a burning budget.
#include "alert_table.hpp"

#include "oa_stream/telemetry/classes.hpp"

#include "alert_advice.hpp"
#include "slo.hpp"
#include "sources/prometheus/promql.hpp"

#include <fmt/format.h>

#include <array>
#include <map>

namespace oa_stream::measure::alerts {
namespace {

/// Writes selectors and floors with the options in force.
class AlertWriter {
public:
    explicit AlertWriter(const AlertOptions& options) : options_(options) {}

    /// increase() of a metric, summed, including what a new process counted before its first scrape
    [[nodiscard]] std::string increase(
        std::string_view metric,
        std::string_view matchers,
        std::string_view window,
        std::string_view by = ""
    ) const {
        return fmt::format(
            "sum{}({})",
            by.empty() ? "" : fmt::format(" by ({}) ", by),
            risen(options_, series(metric, matchers), window)
        );
    }
    [[nodiscard]] std::string series(std::string_view metric, std::string_view matchers) const {
        return selector(options_, metric, matchers);
    }
    /// The same for a telemetry term.
    [[nodiscard]] std::string
    increase(const telemetry::Term& term, std::string_view window, std::string_view by = "") const {
        return increase(
            term.metric->name.substr(telemetry::k_prefix.size()),
            prometheus::matchers(term),
            window,
            by
        );
    }
    [[nodiscard]] const AlertOptions& options() const { return options_; }

private:
    const AlertOptions& options_;
};

Rule record(std::string name, std::string expr) {
    return {.name = std::move(name), .expr = std::move(expr), .records = true};
}

Group responses(const AlertWriter& write) {
    Group out{.name = "oa-stream-5xx", .rules = {}, .keep = keep_of(write.options())};
    out.rules.push_back(record(
        "oa_stream:requests:increase10m", write.increase(telemetry::requests_term(), "10m", "route")
    ));
    out.rules.push_back(record(
        "oa_stream:requests_5xx:increase10m",
        write.increase(
            telemetry::bad_terms(std::array{telemetry::BadEvent::http_5xx}).front(), "10m", "route"
        )
    ));
    out.rules.push_back({
        .name = "OaStream5xxHigh",
        .expr = above(
            write.options(),
            "oa_stream:requests_5xx:increase10m",
            "oa_stream:requests:increase10m",
            "0.01"
        ),
        .wait = std::string(k_user_wait),
        .severity = "page",
        .summary = "More than 1 % of a stream route's requests are answered 5xx.",
    });
    return out;
}

/// Requests refused for lack of a valid token: they come from strangers, or the lane has other
/// tokens than its users.
telemetry::Term unauthorised() {
    return telemetry::class_terms(std::array{std::string(k_unauthorised)}).front();
}

Group refusals(const AlertWriter& write) {
    Group out{.name = "oa-stream-refused", .rules = {}, .keep = keep_of(write.options())};
    const auto by_target = [&](const telemetry::Term& term) {
        const std::string series = write.series(
            term.metric->name.substr(telemetry::k_prefix.size()), prometheus::matchers(term)
        );
        return fmt::format(
            "sum without ({}) ({})", term.metric->labels, risen(write.options(), series, "10m")
        );
    };
    out.rules.push_back(
        record("oa_stream:target_requests:increase10m", by_target(telemetry::requests_term()))
    );
    out.rules.push_back(record("oa_stream:target_refused:increase10m", by_target(unauthorised())));
    out.rules.push_back({
        .name = "OaStreamRefused",
        .expr = above(
            write.options(),
            "oa_stream:target_refused:increase10m",
            "oa_stream:target_requests:increase10m",
            "0.5"
        ),
        .wait = "10m",
        .severity = "ticket",
        .summary = "More than half of a lane's requests are refused with 401 or 403.",
    });
    return out;
}

Group handshakes(const AlertWriter& write) {
    Group out{.name = "oa-stream-compat", .rules = {}, .keep = keep_of(write.options())};
    out.rules.push_back(record(
        "oa_stream:handshakes:increase15m",
        write.increase(telemetry::requests_term(telemetry::handshake_routes()), "15m")
    ));
    out.rules.push_back(record(
        "oa_stream:compat_rejected:increase15m",
        write.increase("compat_rejected_total", "", "15m", "code")
    ));
    for (const std::string_view code : telemetry::k_compat_codes) {
        const std::string rejected = fmt::format(
            "sum by (code) (oa_stream:compat_rejected:increase15m{{code=\"{}\"}})", code
        );
        out.rules.push_back({
            .name = alert_name(code),
            .expr = fmt::format(
                "({0} / on () group_left () (oa_stream:handshakes:increase15m > 0)) > 0.05\n"
                "and {0} >= {1}\nand on () oa_stream:handshakes:increase15m >= {2}",
                rejected,
                write.options().least_bad,
                write.options().least_total
            ),
            .wait = "5m",
            .severity = "ticket",
            .summary = fmt::format("More than 5 % of the handshakes are refused with {}.", code),
        });
    }
    return out;
}

Group terminals(const AlertWriter& write) {
    Group out{.name = "oa-stream-terminal", .rules = {}, .keep = keep_of(write.options())};
    out.rules.push_back(
        record("oa_stream:turns_ended:increase15m", write.increase("terminal_total", "", "15m"))
    );
    out.rules.push_back(record(
        "oa_stream:terminal:increase15m", write.increase("terminal_total", "", "15m", "class")
    ));
    for (const telemetry::TerminalRow& row : telemetry::k_terminals) {
        if (row.alert_share.empty()) {
            continue;
        }
        const std::string ended = fmt::format(
            "sum by (class) (oa_stream:terminal:increase15m{{class=\"{}\"}})", row.word
        );
        out.rules.push_back({
            .name = alert_name(row.word),
            .expr = fmt::format(
                "({0} / on () group_left () (oa_stream:turns_ended:increase15m > 0)) > {1}\n"
                "and {0} >= {2}\nand on () oa_stream:turns_ended:increase15m >= {3}",
                ended,
                row.alert_share,
                write.options().least_bad,
                write.options().least_total
            ),
            .wait = row.bad ? std::string(k_user_wait) : "5m",
            .severity = row.bad ? "page" : "ticket",
            .summary = fmt::format("Too many turns end as {}.", row.word),
        });
    }
    return out;
}

Group burning(const AlertWriter& write) {
    Group out{.name = "oa-stream-burn", .rules = {}, .keep = keep_of(write.options())};
    std::map<std::uint32_t, std::string_view> windows;
    for (const BurnPair& pair : k_burn_pairs) {
        windows[pair.long_minutes] = pair.long_word;
        windows[pair.short_minutes] = pair.short_word;
    }
    for (const auto& [minutes, window] : windows) {
        out.rules.push_back(record(
            fmt::format("oa_stream:slo_bad:increase{}", window),
            prometheus::sum_of(
                telemetry::bad_terms(telemetry::default_bad()),
                [&](const telemetry::Term& term) { return write.increase(term, window); }
            )
        ));
        out.rules.push_back(record(
            fmt::format("oa_stream:slo_all:increase{}", window),
            write.increase(telemetry::requests_term(), window)
        ));
    }
    const Fraction objective = write.options().objective;
    const double budget =
        static_cast<double>(objective.den - objective.num) / static_cast<double>(objective.den);
    for (const BurnPair& pair : k_burn_pairs) {
        const auto ratio = [](std::string_view window) {
            return fmt::format(
                "(oa_stream:slo_bad:increase{0} / (oa_stream:slo_all:increase{0} > 0))", window
            );
        };
        const std::string limit = fmt::format("({:g} * {:g})", pair.factor.value(), budget);
        out.rules.push_back({
            .name = fmt::format("OaStreamBudgetBurn{}", pair.long_word),
            .expr = fmt::format(
                "{} > {}\nand {} > {}\nand oa_stream:slo_bad:increase{} >= {}\n"
                "and oa_stream:slo_all:increase{} >= {}",
                ratio(pair.long_word),
                limit,
                ratio(pair.short_word),
                limit,
                pair.long_word,
                write.options().least_bad,
                pair.long_word,
                write.options().least_total
            ),
            .wait = pair.severity == "page" ? std::string(k_user_wait) : "15m",
            .severity = std::string(pair.severity),
            .labels =
                {{"long", std::string(pair.long_word)}, {"short", std::string(pair.short_word)}},
            .summary = fmt::format(
                "The error budget burns {:g} times too fast, over {} and over {}.",
                pair.factor.value(),
                pair.long_word,
                pair.short_word
            ),
        });
    }
    return out;
}

Group bridge(const AlertWriter& write) {
    Group out{.name = "oa-stream-bridge", .rules = {}};
    const std::string accepted = write.series("bridge_accepted_total", "");
    out.rules.push_back(
        record("oa_stream:bridge_accepted:rate10m", fmt::format("sum(rate({}[10m]))", accepted))
    );
    out.rules.push_back(record(
        "oa_stream:bridge_accepted:rate6h_before",
        // A young lane has no baseline: rate() divides by the whole window even if only a part has
        // data.
        fmt::format("sum(rate({0}[6h] offset 15m)) and on () count({0} offset 375m) > 0", accepted)
    ));
    // Requests without a valid token do not make the bridge stall.
    out.rules.push_back(record(
        "oa_stream:bridge_asked:increase10m",
        fmt::format(
            "{}\n- ({} or vector(0))",
            write.increase(telemetry::requests_term(), "10m"),
            write.increase(unauthorised(), "10m")
        )
    ));
    // Converts per second to per window.
    const std::uint64_t floor = write.options().least_total;
    const auto alert = [&](std::string name, std::string expr, std::string wait, std::string summary
                       ) {
        out.rules.push_back({
            .name = std::move(name),
            .expr = std::move(expr),
            .wait = std::move(wait),
            .severity = "page",
            .summary = std::move(summary),
        });
    };
    alert(
        "OaStreamBridgeDrop",
        fmt::format(
            "oa_stream:bridge_accepted:rate10m < 0.5 * oa_stream:bridge_accepted:rate6h_before\n"
            "and oa_stream:bridge_accepted:rate6h_before * 600 >= {0}\n"
            "unless (oa_stream:bridge_accepted:rate10m == 0 and "
            "oa_stream:bridge_asked:increase10m >= {0})", // then OaStreamBridgeStalled fires
            floor
        ),
        "5m",
        "Fewer than half as many turns are accepted as in the six hours before."
    );
    alert(
        "OaStreamBridgeSpike",
        fmt::format(
            "oa_stream:bridge_accepted:rate10m > 3 * oa_stream:bridge_accepted:rate6h_before\n"
            "and oa_stream:bridge_accepted:rate10m * 600 >= {0}\n"
            "and oa_stream:bridge_accepted:rate6h_before * 600 >= {0}",
            floor
        ),
        "5m",
        "More than three times as many turns are accepted as in the six hours before."
    );
    alert(
        "OaStreamBridgeStalled",
        fmt::format(
            "oa_stream:bridge_accepted:rate10m == 0\nand oa_stream:bridge_asked:increase10m >= {}",
            floor
        ),
        "2m",
        "Requests come and no turn is accepted."
    );
    alert(
        "OaStreamBridgeAbsent",
        fmt::format("absent({})", accepted),
        "5m",
        "No lane reports accepted turns: nothing is scraped, or the selector matches nothing."
    );
    alert(
        "OaStreamRequestsAbsent",
        fmt::format(
            "absent({})",
            write.series("http_requests_total", prometheus::matchers(telemetry::requests_term()))
        ),
        "5m",
        "No lane reports requests: every ratio here would be silent."
    );
    return out;
}

} // namespace

std::string
selector(const AlertOptions& options, std::string_view metric, std::string_view matchers) {
    const std::string name = fmt::format("{}{}", telemetry::k_prefix, metric);
    const std::string whose = prometheus::whose(name, options.include_probes);
    const std::string all =
        prometheus::joined(prometheus::joined(std::string(matchers), whose), options.matchers);
    return all.empty() ? name : fmt::format("{}{{{}}}", name, all);
}

std::string above(
    const AlertOptions& options, std::string_view bad, std::string_view all, std::string_view share
) {
    return fmt::format(
        "({0} / ({1} > 0)) > {2}\nand {0} >= {3}\nand {1} >= {4}",
        bad,
        all,
        share,
        options.least_bad,
        options.least_total
    );
}

std::string alert_name(std::string_view word) {
    std::string out = "OaStream";
    bool upper = true;
    for (const char c : word) {
        if (c == '_') {
            upper = true;
            continue;
        }
        out += upper ? static_cast<char>(c - 'a' + 'A') : c;
        upper = false;
    }
    return out;
}

std::vector<Group> table(const AlertOptions& options) {
    const AlertWriter write(options);
    std::vector<Group> out{
        responses(write),
        latency_rules(options),
        refusals(write),
        handshakes(write),
        terminals(write),
        burning(write),
        bridge(write),
        silence_rules(options),
        process_rules(options),
        service_rules(options),
        run_rules(options),
    };
    add_advice(out, options);
    return out;
}

} // namespace oa_stream::measure::alerts

namespace oa_stream::measure {

std::vector<std::string> alert_names() {
    std::vector<std::string> out;
    for (const alerts::Group& group : alerts::table({})) {
        for (const auto& rule : group.rules) {
            if (rule.name.starts_with("OaStream")) { // the other rules are recording rules
                out.push_back(rule.name);
            }
        }
    }
    return out;
}

} // namespace oa_stream::measure
