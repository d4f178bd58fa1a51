#include "oa_stream/base/clock.hpp"
#include "oa_stream/config/units.hpp"
#include "oa_stream/playbook/file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

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

std::string spike(const measure::GateSpec& gate) {
    return fmt::format(
        "{} must be at most {} above stable's rate, once there are {}{}",
        gate.signal,
        config::percent_text(gate.limit),
        gate.min_events,
        gate.reading ? fmt::format(" ({})", gate.reading->source) : "; no source has their numbers"
    );
}

std::string what(const measure::GateSpec& gate) {
    if (gate.metric == measure::Metric::spike) {
        return spike(gate);
    }
    const bool rate = gate.metric == measure::Metric::bad_rate;
    const std::string events = gate.events.empty() ? "bad requests" : gate.events;
    const std::string subject =
        rate ? "the share of " + events : "the 95th percentile of the time to first content";
    const std::string sure = fmt::format("{} confidence", config::percent_text(gate.confidence));
    if (gate.against == measure::Against::limit) {
        const std::string limit =
            rate ? config::percent_text(gate.limit) : fmt::format("{}s", gate.limit);
        return fmt::format("{} must be at most {}, with {}", subject, limit, sure);
    }
    const std::string limit = rate ? fmt::format("{} percentage points above", gate.limit * 100)
                                   : fmt::format("{} above", config::percent_text(gate.limit));
    return fmt::format("{} must be at most {} that of stable, with {}", subject, limit, sure);
}

class Story {
public:
    explicit Story(const Playbook& playbook) : book_(playbook) {}

    std::string tell() {
        out_ = fmt::format("{}: {}\n\n", book_.name, purpose());
        smokes(book_.preflight);
        if (book_.budget) {
            step(fmt::format(
                "Check that at most {} of each error budget is consumed{}.",
                config::percent_text(book_.budget->consumed_at_most),
                book_.budget->or_stated ? ", measured or else stated" : ""
            ));
        }
        move();
        smokes(book_.postflight);
        if (book_.shadow) {
            step(fmt::format(
                "Send the same prompts to both revisions and compare the answers; the canary's p95 "
                "may be {}s later.",
                book_.shadow->p95_delta_at_most_s
            ));
        }
        routes();
        ending();
        sources();
        return std::move(out_);
    }

private:
    [[nodiscard]] std::string purpose() const {
        const Traffic& t = book_.traffic;
        switch (book_.kind) {
        case Kind::steady_state:
        case Kind::smoke_stream:
        case Kind::smoke_control:
            return fmt::format("checks {}; nothing is changed.", book_.target.base_url);
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
                smoke.surface == Surface::stream ? door(smoke, book_.traffic) : "",
                smoke.profile.empty() ? "" : ", profile " + smoke.profile,
                smoke.id
            ));
        }
    }

    void move() {
        if (book_.kind == Kind::rollback) {
            step(fmt::format(
                "Write {} 100% and {} 0%{}, and read it back.",
                book_.traffic.stable,
                book_.traffic.canary,
                ramp()
            ));
            verify();
            return;
        }
        for (const int percent : book_.stages) {
            stage(percent);
        }
        if (!book_.run_gates.empty()) {
            step("Judge all stages' samples of the canary together:");
            for (const measure::GateSpec& gate : book_.run_gates) {
                this->gate(gate);
            }
        }
    }

    [[nodiscard]] std::string ramp() const {
        return book_.rollback_ramp > Millis(0) ? " over " + format_duration(book_.rollback_ramp)
                                               : " at once";
    }

    void verify() {
        step(fmt::format(
            "Verify over fresh connections until {} in a row are good, within {}.",
            book_.fresh_row,
            format_duration(book_.restore_limit)
        ));
    }

    void routes() {
        if (!book_.routes) {
            return;
        }
        step("Change the overrides of the route split; this does not touch the stream lane:");
        for (const RouteOverride& change : book_.routes->changes) {
            detail(fmt::format(
                "{}: {}", change.domain.empty() ? "global" : change.domain, change.target
            ));
        }
        detail(fmt::format(
            "Verified when {} fresh connections in a row agree; else they go back as they were.",
            book_.routes->fresh
        ));
    }

    void gate(const measure::GateSpec& gate) {
        const bool observes = gate.mode == measure::GateMode::observe;
        const SourceKind kind = judged_by(book_, gate);
        detail(fmt::format(
            "{}: {}{}{}{}.",
            gate.id,
            what(gate),
            is_outside_source(kind) ? fmt::format(", of users' requests by {}", to_string(kind))
                                    : "",
            gate.min_n > 0 ? fmt::format(", from {} requests an arm on", gate.min_n) : "",
            observes ? "; only reported, it never decides" : ""
        ));
    }

    void stage(int percent) {
        const StageSpec& stage = book_.stage;
        step(fmt::format(
            "Give {} {}% of the traffic, then hold {} while probing both revisions directly at {} "
            "each and the users' way at {}.",
            book_.traffic.canary,
            percent,
            format_duration(stage.bake),
            config::rate_text(stage.probe.per_arm_per_s),
            config::rate_text(stage.probe.unpinned_per_s)
        ));
        if (book_.drill && book_.drill->fail_at == percent) {
            detail(
                book_.drill->fault.empty()
                    ? "Here the gates are ruled to fail."
                    : fmt::format("Here {} is planted in the canary.", book_.drill->fault)
            );
        }
        if (percent != book_.stages.front()) {
            detail("The same gates.");
            return;
        }
        for (const measure::GateSpec& gate : stage.gates) {
            this->gate(gate);
        }
        if (stage.extend_at_most > Millis(0)) {
            detail(fmt::format(
                "A gate that cannot decide extends the hold by at most {}.",
                format_duration(stage.extend_at_most)
            ));
        }
    }

    void ending() {
        if (book_.kind == Kind::rehearsal || book_.kind == Kind::rollback_drill) {
            step(fmt::format("Restore the traffic as it was{}.", ramp()));
            verify();
        }
        if (book_.stages.empty()) {
            return;
        }
        out_ += "\nWhen a check or gate fails: ";
        out_ += book_.on_failure == Then::rollback
                    ? fmt::format("all traffic goes back as it was{}, verified.\n", ramp())
                    : "no further step is taken and the split stays.\n";
        const StageSpec& stage = book_.stage;
        if (no_gate_decides(book_)) {
            out_ += "No gate decides: every stage goes on, and the run is INCONCLUSIVE at best.\n";
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
            "A plan made from this may be applied for {}.\n", format_duration(book_.validity)
        );
    }

    void sources() {
        std::vector<std::string_view> names;
        names.reserve(book_.sources.size());
        for (const SourceSpec& source : book_.sources) {
            names.push_back(to_string(source.kind));
        }
        if (!names.empty()) {
            out_ += fmt::format("Numbers come from: {}.\n", fmt::join(names, ", "));
        }
        for (const Error& missing : not_carried_out(book_)) {
            out_ += fmt::format("Not in this release: {}: {}.\n", missing.where, missing.message);
        }
    }

    const Playbook& book_;
    std::string out_;
    int number_ = 0;
};

} // namespace

std::string explain(const Playbook& playbook) {
    return Story(playbook).tell();
}

} // namespace oa_stream::playbook
