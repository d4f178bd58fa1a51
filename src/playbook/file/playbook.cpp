#include "oa_stream/playbook/playbook.hpp"

#include "oa_stream/base/lists.hpp"

#include "words.hpp"

#include <algorithm>

namespace oa_stream::playbook {
const measure::StatedNumbers* stated_numbers(const Playbook& playbook) noexcept {
    const auto states = [](const auto& source) { return source->stated() != nullptr; };
    const auto found = std::ranges::find_if(playbook.sources, states);
    return found == playbook.sources.end() ? nullptr : (*found)->stated();
}

namespace {

/// Copies the queries of the source that judges the gate.
void link_queries(Playbook& playbook, measure::GateSpec& gate) {
    for (const auto& source : playbook.sources) {
        for (const measure::SignalQuery& query : source->signals()) {
            const bool asked = gate.from.empty() || gate.from == source->kind().name();
            if (asked && query.signal == gate.signal && gate.promql.empty()) {
                gate.promql = query.events;
                gate.promql_of = query.requests;
            }
        }
    }
}

} // namespace

void link_readings(Playbook& playbook) {
    const measure::StatedNumbers* stated = stated_numbers(playbook);
    for (auto* gates : {&playbook.stage.gates, &playbook.run_gates}) {
        for (measure::GateSpec& gate : *gates) {
            if (gate.metric != measure::Metric::spike) {
                continue;
            }
            link_queries(playbook, gate);
            if (stated == nullptr || !stated->readings.contains(gate.signal)) {
                continue;
            }
            gate.reading = stated->readings.find(gate.signal)->second;
            gate.reading->source = "asserted: " + stated->reason;
            gate.reading->asserted = true;
            gate.reading->enough = stated->enough_to_apply || playbook.kind == Kind::rehearsal;
        }
    }
}

std::string_view to_string(Kind kind) noexcept {
    return word_at(k_kind_words, kind);
}

const measure::SourceSettings*
judging_source(const Playbook& playbook, const measure::GateSpec& gate) {
    const bool named = !gate.from.empty();
    const auto* found = find_if_or_null(playbook.sources, [&](const auto& source) {
        const measure::SourceKind& kind = source->kind();
        return named ? kind.name() == gate.from : kind.measures(gate);
    });
    return found == nullptr ? nullptr : found->get();
}

const measure::SourceKind& judged_by(const Playbook& playbook, const measure::GateSpec& gate) {
    if (const auto* source = judging_source(playbook, gate)) {
        return source->kind();
    }
    const auto kinds = measure::source_kinds();
    const auto able = std::ranges::find_if(kinds, [&](const auto* kind) {
        return kind->place.empty() && kind->measures(gate);
    });
    // None can: problems_of() reports the gate.
    return able == kinds.end() ? *measure::source_kind("asserted") : **able;
}

bool judged_by_users(const Playbook& playbook, const measure::GateSpec& gate) {
    return judged_by(playbook, gate).counted == measure::Counted::users;
}

std::string manual_command(const Traffic& traffic, const traffic::Split& split) {
    return traffic.settings ? traffic.settings->manual_command(traffic.arms(), split)
                            : std::string();
}

bool moves_traffic(Kind kind) noexcept {
    return kind == Kind::cutover || kind == Kind::rollback || kind == Kind::rollback_drill ||
           kind == Kind::rehearsal;
}

bool brings_its_own_lanes(const Playbook& playbook) noexcept {
    if (playbook.kind == Kind::rehearsal) {
        return true;
    }
    const auto& settings = playbook.traffic.settings;
    return playbook.kind == Kind::rollback_drill && settings != nullptr && settings->names_none() &&
           playbook.target.base_url.empty();
}

std::string_view to_string(Through through) noexcept {
    return word_at(k_through_words, through);
}
std::string_view to_string(Surface surface) noexcept {
    return word_at(k_surface_words, surface);
}
std::string_view to_string(Then then) noexcept {
    return word_at(k_then_words, then);
}
std::string_view to_string(NoTraffic what) noexcept {
    return word_at(k_no_traffic_words, what);
}

bool is_over(const Playbook& playbook, const traffic::Split& serving) {
    const int canary = serving.percent_of(playbook.traffic.canary);
    return playbook.kind == Kind::cutover && canary > 0 && is_last(playbook, canary);
}

bool no_gate_decides(const Playbook& playbook) noexcept {
    const auto decides = [](const measure::GateSpec& gate) {
        return gate.mode == measure::GateMode::decide;
    };
    // A drill ends at the stage that it makes fail, so it has no gates of the whole run.
    return !playbook.stages.empty() && std::ranges::none_of(playbook.stage.gates, decides) &&
           (playbook.drill || std::ranges::none_of(playbook.run_gates, decides));
}

} // namespace oa_stream::playbook
