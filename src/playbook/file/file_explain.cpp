#include "oa_stream/base/clock.hpp"
#include "oa_stream/base/enum_words.hpp"
#include "oa_stream/base/lists.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/playbook/file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace oa_stream::playbook {
namespace {

std::string door(const SmokeSpec& smoke, const Traffic& traffic) {
    switch (smoke.through) {
    case Through::stable:
        return fmt::format(", reaching the stable revision {} directly", traffic.stable);
    case Through::canary:
        return fmt::format(", reaching the canary {} directly", traffic.canary);
    case Through::users:
        return ", as users come in";
    }
    return "";
}

std::string spike(const measure::GateSpec& gate, bool by_source) {
    const bool counted = gate.signal == measure::k_signal_words.front() && gate.promql.empty();
    return fmt::format(
        "{} must be at most {} above {}, once there are {}{}",
        gate.signal,
        config::exact_percent(gate.limit),
        gate.against == measure::Against::before ? "the rate before the first stage"
                                                 : "stable's rate",
        gate.min_events,
        !by_source               ? (gate.reading ? fmt::format(" ({})", gate.reading->source)
                                                 : "; no source has their numbers")
        : counted                ? ", of requests answered with 401 or 403"
        : gate.promql_of.empty() ? fmt::format(", by {} among turn requests", gate.promql)
                                 : fmt::format(", by {} among {}", gate.promql, gate.promql_of)
    );
}

std::string expression(const measure::GateSpec& gate) {
    const bool versus = gate.against != measure::Against::limit;
    const bool share = gate.quantity == measure::Quantity::share;
    return fmt::format(
        "{} ({}) must be {} {}{}, as the one number it gives at the end",
        gate.promql,
        word_at(measure::k_quantity_words, gate.quantity),
        gate.at_least ? "at least" : "at most",
        versus || share
            ? fmt::format("{}{:g}%", versus && gate.limit >= 0 ? "+" : "", gate.limit * 100)
            : fmt::format("{:g}", gate.limit),
        gate.against == measure::Against::stable   ? " of stable's"
        : gate.against == measure::Against::before ? " of that before the first stage"
                                                   : ""
    );
}

constexpr std::array<std::string_view, 4> k_timing_texts{
    "time to first content",
    "longest silence within an answer",
    "time of a whole turn",
    "tokens per second",
};

std::string token_rate(const measure::GateSpec& gate) {
    const bool versus = gate.against == measure::Against::stable;
    return fmt::format(
        "{} of the tokens per second (pieces of content) must be at least {}, with {} confidence",
        measure::quantile_text(measure::shown_quantile(gate)),
        versus ? fmt::format("{:g}% of stable's", 100 / (1 + gate.limit))
               : fmt::format("{:g}", 1 / gate.limit),
        config::exact_percent(gate.confidence)
    );
}

std::string what(const measure::GateSpec& gate, bool by_source) {
    if (gate.metric == measure::Metric::spike) {
        return spike(gate, by_source);
    }
    if (gate.metric == measure::Metric::expression) {
        return expression(gate);
    }
    if (measure::is_token_rate(gate)) {
        return token_rate(gate);
    }
    const bool rate = gate.metric == measure::Metric::bad_rate;
    // Shows what is counted, not what was configured: probes count any bad ending, except for words
    // of their own.
    const bool any = gate.events.empty() || (!by_source && !measure::endings_of(gate.events));
    const std::string events = any ? "requests with a bad ending of any kind" : gate.events;
    const std::string subject = rate ? "the share of " + events
                                     : fmt::format(
                                           "{} of the {}",
                                           measure::quantile_text(gate.quantile),
                                           k_timing_texts[static_cast<std::size_t>(gate.timing)]
                                       );
    const std::string sure = fmt::format("{} confidence", config::exact_percent(gate.confidence));
    if (gate.against == measure::Against::limit) {
        const std::string limit =
            rate ? config::exact_percent(gate.limit) : fmt::format("{}s", gate.limit);
        return fmt::format("{} must be at most {}, with {}", subject, limit, sure);
    }
    const std::string limit =
        rate ? fmt::format("{} percentage points above", gate.limit * 100)
             : fmt::format(
                   "{} or {} above",
                   config::exact_percent(gate.limit),
                   format_duration(Millis(std::llround(gate.unnoticed_s * 1000)))
               );
    return fmt::format("{} must be at most {} that of stable, with {}", subject, limit, sure);
}

class Explanation {
public:
    explicit Explanation(const Playbook& playbook) : playbook_(playbook) {}

    std::string text() {
        out_ = fmt::format("{}: {}\n\n", playbook_.name, purpose());
        smokes(playbook_.preflight);
        if (playbook_.drilled) {
            step(fmt::format(
                "Check that the gates{} noticed planted faults within the last {}.",
                playbook_.drilled->playbook.empty() ? "" : " of " + playbook_.drilled->playbook,
                format_duration(playbook_.drilled->within)
            ));
        }
        if (playbook_.rehearse) {
            step(fmt::format(
                "Rehearse {} against the target, as a dry run that has to measure its error "
                "budget.",
                playbook_.rehearse->file
            ));
        }
        if (playbook_.budget) {
            step(fmt::format(
                "Check that at most {} of each error budget is consumed{}.",
                config::exact_percent(playbook_.budget->consumed_at_most),
                playbook_.budget->or_stated ? ", measured or else stated" : ""
            ));
        }
        move();
        smokes(playbook_.postflight);
        if (playbook_.shadow) {
            step(fmt::format(
                "Send the same prompts to both revisions and compare the answers; the canary's p95 "
                "may be {}s later.",
                playbook_.shadow->p95_delta_at_most_s
            ));
        }
        routes();
        ending();
        sources();
        return std::move(out_);
    }

private:
    [[nodiscard]] std::string purpose() const {
        const Traffic& t = playbook_.traffic;
        switch (playbook_.kind) {
        case Kind::steady_state:
        case Kind::smoke_stream:
        case Kind::smoke_control:
            return fmt::format("checks {}; nothing is changed.", playbook_.target.base_url);
        case Kind::cutover:
            return fmt::format(
                "moves the traffic from {} to {} with driver {}.", t.stable, t.canary, t.driver
            );
        case Kind::rollback:
            return fmt::format(
                "moves all traffic back from {} to {} with driver {}.", t.canary, t.stable, t.driver
            );
        case Kind::rollback_drill:
            return fmt::format(
                "moves traffic from {} to {} with driver {}, fails on purpose and measures the way "
                "back.",
                t.stable,
                t.canary,
                t.driver
            );
        case Kind::rehearsal:
            return fmt::format(
                "rehearses moving the traffic from {} to {} with driver {}, and puts it back.",
                t.stable,
                t.canary,
                t.driver
            );
        }
        return {};
    }

    void step(std::string_view text) { out_ += fmt::format("{:>2}. {}\n", ++number_, text); }
    void detail(std::string_view text) { out_ += fmt::format("    - {}\n", text); }

    void smokes(const std::vector<SmokeSpec>& smokes) {
        for (const SmokeSpec& smoke : smokes) {
            step(fmt::format(
                "Smoke the {} surface{}{} ({}).",
                to_string(smoke.surface),
                smoke.surface == Surface::stream ? door(smoke, playbook_.traffic) : "",
                smoke.profile.empty() ? "" : ", profile " + smoke.profile,
                smoke.id
            ));
        }
    }

    void move() {
        if (playbook_.kind == Kind::rollback) {
            step(fmt::format(
                "Write {} 100% and {} 0%{}, and read it back.",
                playbook_.traffic.stable,
                playbook_.traffic.canary,
                ramp()
            ));
            verify();
            return;
        }
        for (const int percent : playbook_.stages) {
            stage(percent);
        }
        if (!playbook_.run_gates.empty()) {
            step("Judge all stages' samples of the canary together:");
            for (const measure::GateSpec& gate : playbook_.run_gates) {
                this->gate(gate);
            }
        }
    }

    [[nodiscard]] std::string ramp() const {
        return playbook_.rollback_ramp > Millis(0)
                   ? " over " + format_duration(playbook_.rollback_ramp)
                   : " at once";
    }

    void verify() {
        step(fmt::format(
            "Verify over fresh connections until {} in a row are good, within {}.",
            playbook_.fresh_row,
            format_duration(playbook_.restore_limit)
        ));
    }

    void routes() {
        if (!playbook_.routes) {
            return;
        }
        step("Change the overrides of the route split; this does not touch the stream lane:");
        for (const RouteOverride& change : playbook_.routes->changes) {
            detail(fmt::format(
                "{}: {}", change.domain.empty() ? "global" : change.domain, change.target
            ));
        }
        detail(fmt::format(
            "Verified when {} fresh connections in a row agree; else they go back as they were.",
            playbook_.routes->fresh
        ));
    }

    void gate(const measure::GateSpec& gate) {
        const bool observes = gate.mode == measure::GateMode::observe;
        detail(fmt::format(
            "{}: {}{}{}{}.",
            gate.id,
            what(gate, by_source(gate)),
            judged_by_users(playbook_, gate)
                ? fmt::format(", of users' requests by {}", judged_by(playbook_, gate).name())
                : "",
            gate.min_n > 0 ? fmt::format(", from {} requests an arm on", gate.min_n) : "",
            observes ? "; only reported, it never decides" : ""
        ));
    }

    [[nodiscard]] bool by_source(const measure::GateSpec& gate) const {
        const auto counted = judged_by(playbook_, gate).counted;
        return counted == measure::Counted::users ||
               (counted == measure::Counted::probes && gate.metric == measure::Metric::spike);
    }

    void pause(int percent) {
        const auto& planned = playbook_.stage.pause_after;
        if (contains(planned, percent)) {
            detail(fmt::format(
                "When it was good, wait at most {} for `cutover continue`, and still be judged.",
                format_duration(playbook_.stage.pause_at_most)
            ));
        }
    }

    void stage(int percent) {
        const StageSpec& stage = playbook_.stage;
        step(fmt::format(
            "Give {} {}% of the traffic for {} while probing both revisions directly at {} each "
            "and the users' address at {}.",
            playbook_.traffic.canary,
            percent,
            format_duration(stage.bake),
            config::rate_text(stage.probe.per_arm_per_s),
            config::rate_text(stage.probe.unpinned_per_s)
        ));
        if (playbook_.drill && playbook_.drill->fail_at == percent) {
            detail(
                playbook_.drill->fault.empty()
                    ? "Here the gates are ruled to fail."
                    : fmt::format("Here {} is planted in the canary.", playbook_.drill->fault)
            );
        }
        if (percent != playbook_.stages.front()) {
            detail("The same gates.");
            pause(percent);
            return;
        }
        for (const measure::GateSpec& gate : stage.gates) {
            this->gate(gate);
        }
        if (stage.extend_at_most > Millis(0)) {
            detail(fmt::format(
                "A gate that cannot decide extends the bake by at most {}.",
                format_duration(stage.extend_at_most)
            ));
        }
        pause(percent);
    }

    void ending() {
        if (playbook_.kind == Kind::rehearsal || playbook_.kind == Kind::rollback_drill) {
            step(fmt::format("Restore the traffic as it was{}.", ramp()));
            verify();
        }
        if (playbook_.stages.empty()) {
            return;
        }
        out_ += "\nWhen a check or gate fails: ";
        out_ += playbook_.on_failure == Then::rollback
                    ? fmt::format("all traffic goes back as it was{}, verified.\n", ramp())
                    : "the run is paused and the split stays.\n";
        const StageSpec& stage = playbook_.stage;
        if (no_gate_decides(playbook_)) {
            out_ +=
                "No gate decides: every stage continues, and the run is INCONCLUSIVE at best.\n";
        }
        out_ += fmt::format(
            "When a gate still cannot decide: {}.\n", to_string(stage.inconclusive_then)
        );
        out_ += fmt::format(
            "When a source fails: {}{}.\n",
            stage.error_hold_at_most > Millis(0)
                ? "it is waited for " + format_duration(stage.error_hold_at_most) +
                      " at most, then "
                : "",
            to_string(stage.error_then)
        );
        out_ += fmt::format(
            "A plan made from this may be applied for {}.\n", format_duration(playbook_.validity)
        );
    }

    void sources() {
        std::vector<std::string_view> names;
        names.reserve(playbook_.sources.size());
        for (const auto& source : playbook_.sources) {
            names.push_back(source->kind().name());
        }
        if (!names.empty()) {
            out_ += fmt::format("Numbers come from: {}.\n", fmt::join(names, ", "));
        }
        names.clear();
        for (const HookSpec& hook : playbook_.hooks) {
            names.push_back(hook.id);
        }
        if (!names.empty()) {
            out_ += fmt::format("Told what happens: {}.\n", fmt::join(names, ", "));
        }
        if (playbook_.approvals > 1) {
            out_ += "A second operator approves the plan before it is applied.\n";
        }
    }

    const Playbook& playbook_;
    std::string out_;
    int number_ = 0;
};

} // namespace

std::string explain(const Playbook& playbook) {
    return Explanation(playbook).text();
}

} // namespace oa_stream::playbook
