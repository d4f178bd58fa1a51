#include "oa_stream/playbook/playbook.hpp"

#include "first_content_bounds.hpp"
#include "words.hpp"

#include <algorithm>

namespace oa_stream::playbook {
namespace {

/// Buckets of two arms only tell them apart when they do not touch, so a p95 versus stable is left
/// to who has single times.
bool can_measure(SourceKind kind, const measure::GateSpec& gate) {
    const bool rate = gate.metric == measure::Metric::bad_rate;
    switch (kind) {
    case SourceKind::probe:
        return true;
    case SourceKind::asserted:
        return false;
    case SourceKind::prometheus:
        return rate ? !gate.events.empty()
                    : gate.against == measure::Against::limit && is_first_content_bound(gate.limit);
    case SourceKind::access_log:
        break;
    }
    return !rate || !gate.events.empty();
}

} // namespace

void link_readings(Playbook& playbook) {
    const auto source =
        std::ranges::find(playbook.sources, SourceKind::asserted, &SourceSpec::kind);
    if (source == playbook.sources.end()) {
        return;
    }
    for (auto* gates : {&playbook.stage.gates, &playbook.run_gates}) {
        for (measure::GateSpec& gate : *gates) {
            const auto found = source->readings.find(gate.signal);
            if (gate.metric != measure::Metric::spike || found == source->readings.end()) {
                continue;
            }
            gate.reading = found->second;
            gate.reading->source = "asserted: " + source->reason;
            gate.reading->asserted = true;
            gate.reading->enough = source->enough_to_apply || playbook.kind == Kind::rehearsal;
        }
    }
}

std::string_view to_string(Kind kind) noexcept {
    return word_of(k_kind_words, kind);
}

bool is_outside_source(SourceKind kind) noexcept {
    return kind == SourceKind::prometheus || kind == SourceKind::access_log;
}

SourceKind judged_by(const Playbook& playbook, const measure::GateSpec& gate) {
    if (gate.metric == measure::Metric::spike) {
        return SourceKind::asserted;
    }
    for (const SourceSpec& source : playbook.sources) {
        if (gate.from.empty() ? can_measure(source.kind, gate)
                              : to_string(source.kind) == gate.from) {
            return source.kind;
        }
    }
    return SourceKind::probe;
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

std::string_view to_string(SourceKind kind) noexcept {
    return word_of(k_source_words, kind);
}
std::string_view to_string(Through through) noexcept {
    return word_of(k_through_words, through);
}
std::string_view to_string(Surface surface) noexcept {
    return word_of(k_surface_words, surface);
}
std::string_view to_string(Then then) noexcept {
    return word_of(k_then_words, then);
}
std::string_view to_string(NoTraffic what) noexcept {
    return word_of(k_no_traffic_words, what);
}

bool no_gate_decides(const Playbook& playbook) noexcept {
    const auto decides = [](const measure::GateSpec& gate) {
        return gate.mode == measure::GateMode::decide;
    };
    // A drill ends at the stage that it makes fail: it has no gates of the whole run.
    return !playbook.stages.empty() && std::ranges::none_of(playbook.stage.gates, decides) &&
           (playbook.drill || std::ranges::none_of(playbook.run_gates, decides));
}

} // namespace oa_stream::playbook
