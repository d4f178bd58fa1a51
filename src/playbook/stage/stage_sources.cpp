#include "stage_sources.hpp"

#include "oa_stream/base/seconds.hpp"
#include "oa_stream/measure/cancelled.hpp"
#include "oa_stream/measure/gate_reading.hpp"
#include "oa_stream/telemetry/classes.hpp"

#include "engine/within.hpp"
#include "plan/chance.hpp"
#include "stage.hpp"

#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace oa_stream::playbook {
namespace {

using measure::GateRecord;
using measure::GateSpec;
using measure::SourceReading;

// Users count as gone when hardly any of those expected came in the last quarter of the window.
constexpr double k_tail = 0.25;
constexpr double k_hardly = 0.1;
constexpr double k_expected = 10;

Millis every(const RunContext& run) {
    const Millis asked = run.in.timing.source_every;
    return asked > Millis(0)
               ? asked
               : std::clamp(run.playbook().stage.bake / 20, Millis(500), Millis(5000));
}

Asked asked_for(const Playbook& playbook, const GateSpec& gate, int percent) {
    return {
        .source = judged_by(playbook, gate).name(),
        .events = gate.events,
        .timing = gate.timing,
        .signal = gate.signal,
        .promql = gate.promql,
        .promql_of = gate.promql_of,
        .wants_value = gate.metric == measure::Metric::expression,
        .before =
            gate.against == measure::Against::before ||
            (has_no_bounds(gate) && gate.against == measure::Against::stable && percent == 100),
    };
}

measure::Question asking(const Asked& asked, std::string revision, measure::Span window) {
    GateSpec gate;
    gate.metric = asked.wants_value       ? measure::Metric::expression
                  : !asked.signal.empty() ? measure::Metric::spike
                                          : measure::Metric::bad_rate;
    gate.events = asked.events;
    gate.timing = asked.timing;
    gate.signal = asked.signal;
    gate.promql = asked.promql;
    gate.promql_of = asked.promql_of;
    return question_of(gate, std::move(revision), window);
}

/// Each question, with whether a deciding gate needs the answer.
std::map<Asked, bool> asked_by(const Playbook& playbook, int percent) {
    std::map<Asked, bool> out;
    for (const GateSpec& gate : playbook.stage.gates) {
        if (judged_by_users(playbook, gate)) {
            const bool decides = gate.mode == measure::GateMode::decide;
            const auto [at, fresh] = out.try_emplace(asked_for(playbook, gate, percent), decides);
            at->second = at->second || decides;
        }
    }
    return out;
}

std::uint64_t
count_at(const std::map<std::string, std::uint64_t, std::less<>>& counts, std::string_view who) {
    const auto found = counts.find(who);
    return found == counts.end() ? 0 : found->second;
}

/// Our probes that are known to have reached the revision: a source that counts probes includes
/// them.
std::uint64_t
own(const StageRun& stage, std::span<const measure::Sample> arm, std::string_view who) {
    const auto answered = std::ranges::count_if(arm, [](const measure::Sample& sample) {
        return !sample.revision.empty() || sample.outcome == measure::k_cancelled;
    });
    const auto met = stage.met.find(who);
    const std::uint64_t unpinned = met == stage.met.end() ? 0 : met->second.size();
    return static_cast<std::uint64_t>(answered) + unpinned + count_at(stage.given_up_at, who);
}

/// The users' requests: without our own.
double besides(const SourceReading& reading, std::uint64_t ours) {
    const auto seen = static_cast<double>(reading.tally.requests.total);
    return reading.counts_probes ? std::max(0.0, seen - static_cast<double>(ours)) : seen;
}

Arrivals arrivals_until_now(const StageRun& stage, const Readings& readings) {
    const Traffic& traffic = stage.run.playbook().traffic;
    Arrivals out{.elapsed_s = stage.elapsed_s()};
    const std::uint64_t canary = own(stage, stage.canary(), traffic.canary);
    const std::uint64_t stable = own(stage, stage.stable(), traffic.stable);
    // Requests with an unknown revision may all be the canary's, but each only once.
    out.canary = besides(readings.canary->reading, canary + stage.given_up);
    const double both =
        besides(readings.canary->reading, canary) + besides(readings.stable->reading, stable);
    const bool counted =
        readings.canary->reading.counts_probes || readings.stable->reading.counts_probes;
    out.all = std::max(out.canary, both - (counted ? static_cast<double>(stage.given_up) : 0));
    return out;
}

Task<Result<void>> ask_both(StageRun* stage, Asked asked) {
    RunContext& run = stage->run;
    const Traffic& traffic = run.playbook().traffic;
    const measure::Span window = since(stage->measured_from);
    const double first_s = since(run.measured_since.value_or(stage->begun)).from_s;
    const measure::Span before{first_s - window.seconds(), first_s};
    Readings readings;
    OA_CO_TRY(
        readings.canary,
        co_await ask_and_keep(&run, asked.source, asking(asked, traffic.canary, window))
    );
    OA_CO_TRY(
        readings.stable,
        co_await ask_and_keep(
            &run, asked.source, asking(asked, traffic.stable, asked.before ? before : window)
        )
    );
    stage->sources.arrivals[asked].push_back(arrivals_until_now(*stage, readings));
    stage->sources.readings[asked] = std::move(readings);
    co_return Result<void>{};
}

/// Queries everything once. True: all deciding questions were answered.
Task<bool> read_once(StageRun* stage) {
    RunContext& run = stage->run;
    SourceAnswers& answers = stage->sources;
    std::map<std::string_view, bool> answered_kinds; // whether it answered
    bool all = true;
    for (const auto& [asked, decides] : asked_by(run.playbook(), stage->percent)) {
        const auto before = answered_kinds.find(asked.source);
        if (before == answered_kinds.end() || before->second) {
            const auto began = Clock::now();
            const auto answered = co_await ask_both(stage, asked);
            const auto state = co_await asio::this_coro::cancellation_state;
            if (state.cancelled() != asio::cancellation_type::none) {
                co_return false; // the window has ended: this query was not waited for
            }
            answered_kinds[asked.source] = answered.has_value();
            if (!answered) {
                const auto [at, fresh] =
                    answers.silent.try_emplace(asked.source, Silence{began, {}});
                at->second.why = answered.error().text();
                if (fresh) {
                    run.session.folder().note(
                        "source does not answer",
                        {{"source", asked.source}, {"why", at->second.why}}
                    );
                }
            }
        }
        all = all && (answered_kinds[asked.source] || !decides);
    }
    for (const auto& [kind, answered] : answered_kinds) {
        if (answered) {
            answers.silent.erase(kind);
        }
    }
    co_return all;
}

/// A source was silent for longer than the playbook allows.
bool lost(const StageRun& stage) {
    const auto asked = asked_by(stage.run.playbook(), stage.percent);
    return std::ranges::any_of(asked, [&](const auto& one) {
        const auto silent = stage.sources.silent.find(one.first.source);
        return one.second && silent != stage.sources.silent.end() &&
               Clock::now() - silent->second.since >= stage.run.patience(every(stage.run));
    });
}

void keep_interim_looks(StageRun& stage) {
    for (const GateSpec& gate : stage.run.playbook().stage.gates) {
        const measure::SourceKind& kind = judged_by(stage.run.playbook(), gate);
        if (kind.counted == measure::Counted::users &&
            !stage.sources.silent.contains(kind.name())) {
            keep_look(stage, look_at_source(stage, gate, {.interim = true}));
        }
    }
}

/// Why the observations do not apply to present users; empty when they do.
std::string gone(const StageRun& stage, const Asked& asked, double blur) {
    const auto found = stage.sources.arrivals.find(asked);
    if (found == stage.sources.arrivals.end() || found->second.empty()) {
        return {};
    }
    const auto& arrivals = found->second;
    const Arrivals& last = arrivals.back();
    const double tail_from = last.elapsed_s * (1 - k_tail);
    const auto then =
        std::ranges::find_if(arrivals.rbegin(), arrivals.rend(), [&](const Arrivals& one) {
            return one.elapsed_s <= tail_from;
        });
    if (then == arrivals.rend() || then->elapsed_s <= 0) {
        return {};
    }
    const double more = (last.elapsed_s - then->elapsed_s) / then->elapsed_s;
    for (const auto& [who, count] :
         {std::pair{"users' requests", &Arrivals::all},
          {"users' requests at the canary", &Arrivals::canary}}) {
        const double expected = *then.*count * more;
        const double came_since = last.*count - *then.*count;
        if (expected >= k_expected + 2 * blur && came_since <= expected * k_hardly) {
            return fmt::format(
                "{} have ended: {:.0f} came in the first {:.1f}s, {:.0f} in the {:.1f}s since",
                who,
                *then.*count,
                then->elapsed_s,
                std::max(0.0, came_since),
                last.elapsed_s - then->elapsed_s
            );
        }
    }
    return {};
}

/// Why the readings cannot decide: no users, or no longer any.
void find_users(
    const StageRun& stage, const GateSpec& gate, const Asked& asked, measure::GateBasis& basis
) {
    const RunContext& run = stage.run;
    const Readings readings{basis.canary, basis.stable};
    const SourceReading& canary = readings.canary->reading;
    if (has_no_bounds(gate)) {
        return; // they were queried for what there is to compare
    }
    if (run.serving.percent_of(run.playbook().traffic.canary) == 0) {
        basis.instead = "at 0% no user reaches the canary";
    } else if (stage.percent == 100 && gate.against == measure::Against::stable) {
        basis.instead = "at 100% no user reaches stable, so both answer probes in turn";
    } else if (arrivals_until_now(stage, readings).canary <= canary.count_error) {
        const bool fill_in = run.playbook().stage.on_no_traffic == NoTraffic::probe;
        (fill_in ? basis.instead : basis.open) =
            fmt::format("{} saw no user's request at the canary", canary.source);
    } else {
        basis.open =
            gone(stage, asked, std::max(canary.count_error, readings.stable->reading.count_error));
    }
}

/// The gate's numbers are the canary's alone, and there are none.
bool asks_for_users(const GateSpec& gate, const measure::DatedReading& canary) {
    const bool of_revision =
        gate.promql.empty() || gate.promql.contains(measure::k_revision_placeholder);
    const bool none =
        canary.reading.state == SourceReading::State::missing ||
        (gate.metric == measure::Metric::spike && canary.reading.tally.requests.total == 0);
    return of_revision && none;
}

} // namespace

double wall_seconds() {
    return unix_seconds(std::chrono::system_clock::now());
}

measure::Span since(Clock::time_point begun) {
    const double now_s = wall_seconds();
    return {now_s - seconds(Clock::now() - begun), now_s};
}

Task<Result<SourceReading>>
ask_source(RunContext* run, std::string_view source, measure::Question question) {
    const auto found = run->in.sources.find(source);
    if (found == run->in.sources.end()) {
        co_return fail(Code::config, fmt::format("{} is not open here", source));
    }
    co_return co_await within(run->in.timing.source_call, found->second->read(std::move(question)));
}

Task<Result<std::shared_ptr<const measure::DatedReading>>>
ask_and_keep(RunContext* run, std::string_view source, measure::Question question) {
    measure::DatedReading reading{
        .revision = question.revision, .window_s = question.window.seconds()
    };
    OA_CO_TRY(reading.reading, co_await ask_source(run, source, std::move(question)));
    co_return std::make_shared<const measure::DatedReading>(std::move(reading));
}

Task<Result<std::shared_ptr<const measure::DatedReading>>>
ask_patiently(RunContext* run, std::string_view source, measure::Question question) {
    const auto until = Clock::now() + run->patience(every(*run));
    for (bool silent = false;; silent = true) {
        auto reading = co_await ask_and_keep(run, source, question);
        if (reading || run->stop_requested() || Clock::now() >= until) {
            co_return reading;
        }
        if (!silent) { // no stage is under way whose display would show that the run lives
            const std::string why = reading.error().text();
            run->session.report(
                "source does not answer",
                fmt::format("  waiting for {}, which does not answer: {}", source, why),
                {{"source", source}, {"why", why}}
            );
        }
        (void)co_await sleep_for(run->in.timing.retry_pause);
    }
}

measure::Question question_of(const GateSpec& gate, std::string revision, measure::Span window) {
    measure::Question out;
    out.revision = std::move(revision);
    out.window = window;
    out.timing = gate.timing;
    out.promql = gate.promql;
    out.promql_of = gate.promql_of;
    out.wants_value = gate.metric == measure::Metric::expression;
    if (gate.metric == measure::Metric::spike) {
        out.classes = {std::string(k_unauthorised)};
    }
    if (auto bad = measure::parse_bad_events(gate.events)) {
        out.bad = *std::move(bad);
    } else {
        for (const std::string_view word : measure::event_words(gate.events)) {
            out.classes.emplace_back(word);
        }
    }
    return out;
}

Task<void> keep_asking(StageRun* stage) {
    const bool any = !asked_by(stage->run.playbook(), stage->percent).empty();
    while (co_await sleep_for(every(stage->run))) {
        if (!any) {
            continue;
        }
        if (co_await read_once(stage)) {
            keep_interim_looks(*stage);
        } else if (lost(*stage)) {
            co_return;
        }
    }
}

Task<bool> sources_answer(StageRun* stage) {
    while (!co_await read_once(stage)) {
        if (lost(*stage) || stage->run.stop_requested()) {
            co_return false;
        }
        (void)co_await sleep_for(stage->run.in.timing.retry_pause);
    }
    co_return true;
}

GateRecord look_at_source(const StageRun& stage, const GateSpec& gate, const measure::Look& look) {
    const std::string_view source = judged_by(stage.run.playbook(), gate).name();
    const Asked asked = asked_for(stage.run.playbook(), gate, stage.percent);
    measure::GateBasis basis = basis_of(stage);
    basis.asked = source;
    basis.beside = true;
    const auto silent = stage.sources.silent.find(source);
    const auto readings = stage.sources.readings.find(asked);
    if (silent != stage.sources.silent.end()) {
        basis.silent = silent->second.why;
    } else if (readings != stage.sources.readings.end()) {
        basis.canary = readings->second.canary;
        basis.stable = readings->second.stable;
        const bool measured = basis.canary->reading.state == SourceReading::State::measured;
        const bool no_users =
            stage.run.serving.percent_of(stage.run.playbook().traffic.canary) == 0;
        if (has_no_bounds(gate) && no_users && asks_for_users(gate, *basis.canary)) {
            basis.skipped = "at 0% no user reaches the canary";
        }
        if (!look.interim && measured) {
            find_users(stage, gate, asked, basis);
        }
    }
    measure::GateInput input = input_of(stage, look);
    input.reference_window = asked.before ? "as long, before the first stage" : "";
    return measure::evaluate_basis(gate, std::move(basis), input);
}

} // namespace oa_stream::playbook
